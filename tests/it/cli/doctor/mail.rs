//! The mail server: reached, without a letter, or not.

use super::super::operator::Operator;
use super::Diagnosis;
use crate::support::{FreeAddress, Postbox};

#[tokio::test]
async fn a_mail_server_is_tried_out_without_a_letter() {
    let postbox = Postbox::open().await;
    let (operator, elsewhere) = (Operator::alone(), format!("smtp://127.0.0.1:{}", postbox.port));
    let options = |url: &str| {
        let mail = ["--mail-from", "chat@example.org", "--public-url", "http://localhost:1", "--smtp-url", url];
        [&["--listen", "127.0.0.1:0"], &mail[..]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = async |url: &str| {
        let options = options(url);
        Diagnosis::of(&operator, &options.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    asked(&elsewhere).await.ails_only(&[]).says("mail_server", "fine", "no mail was sent", "");
    // It has no TLS and no passwords.
    let diagnosis = asked(&format!("{elsewhere}?tls=required")).await;
    diagnosis.ails_only(&["mail_server"]).says("mail_server", "wrong", "does not let us in", "smtps://");
    let diagnosis = asked(&elsewhere.replace("//", "//bob:secret-9f@")).await;
    diagnosis.ails_only(&["mail_server"]);
    assert!(diagnosis.all("mail_server").iter().all(|said| !said.1.contains("secret-9f")), "{diagnosis:?}");
    let nobody = FreeAddress::take();
    let diagnosis = asked(&format!("smtp://{}", nobody.address)).await;
    diagnosis.ails_only(&["mail_server"]).says("mail_server", "wrong", "refused", "port");
    assert_eq!(diagnosis.all("mail_server")[0].1.matches("refused").count(), 1, "it is said once: {diagnosis:?}");
}
