//! What an option holds that nobody should see among processes or in an environment: read from a file instead.

use super::values;
use std::fs::File;
use std::io::Read as _;
use url::Url;

/// More is something else that was named by mistake.
const MOST: u64 = 64 * 1024;

/// The servers of NATS that a file names.
#[derive(Debug, Clone)]
pub struct NatsFile(pub Vec<Url>);

/// The line that a file holds. What is refused is told by the reason alone, and never by what stands in the file.
pub fn line(path: &str) -> Result<String, String> {
    let cannot = |why: &str| format!("{why}. It is to hold one line, what the option without -file takes");
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text));
    read.map_err(|error| cannot(&format!("the file cannot be read: {error}")))?;
    let line = text.trim();
    if line.is_empty() {
        return Err(cannot("the file is empty"));
    }
    if line.contains(['\n', '\r']) || text.len() as u64 > MOST {
        return Err(cannot("the file holds more than one line"));
    }
    Ok(line.to_owned())
}

/// The servers of NATS that a file names, with commas between.
pub fn nats(path: &str) -> Result<NatsFile, String> {
    line(path)?.split(',').map(values::nats).collect::<Result<_, _>>().map(NatsFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(contents: &[u8], read: fn(&str) -> Result<String, String>) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, contents).unwrap();
        read(file.path().to_str().unwrap())
    }

    #[test]
    fn a_file_holds_one_line() {
        assert_eq!(of(b"postgres://h/d\n", line).unwrap(), "postgres://h/d");
        assert_eq!(of(b"  smtps://u:p@h", line).unwrap(), "smtps://u:p@h");
        let long = vec![b'a'; 70_000];
        for (contents, why) in [
            (&b""[..], "is empty"),
            (b" \n", "is empty"),
            (b"secret-1\nsecret-2\n", "more than one line"),
            (&long, "more than one line"),
            (b"secret-\xff", "cannot be read"),
        ] {
            let said = of(contents, line).unwrap_err();
            assert!(said.contains(why) && said.contains("one line") && !said.contains("secret"), "{said}");
        }
        let said = line("/nowhere/at/all").unwrap_err();
        assert!(said.contains("No such file"), "{said}");
    }

    #[test]
    fn servers_of_nats_stand_in_a_file_as_in_the_option() {
        let read = |path: &str| nats(path).map(|found| format!("{}", found.0.len()));
        assert_eq!(of(b"nats://a:secret@h:4222,tls://a:secret@i\n", read).unwrap(), "2");
        let said = of(b"http://a:secret@h", read).unwrap_err();
        assert!(said.contains("nats://user:password") && !said.contains("secret@"), "{said}");
    }
}
