//! When a certificate ends (RFC 5280, section 4.1): the one thing in it that no TLS library tells.

use crate::domain::Timestamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, the version, which the first version leaves out.
const VERSION: u8 = 0xA0;

/// The end of a certificate's life, out of its DER.
pub(super) fn ends(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = take(der, SEQUENCE)?;
    let (mut fields, _) = take(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = skip(fields)?;
    }
    // The serial number, the algorithm and the issuer come before.
    for _ in 0..3 {
        fields = skip(fields)?;
    }
    let (validity, _) = take(fields, SEQUENCE)?;
    let after = skip(validity)?;
    let (kind, text, _) = element(after)?;
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match kind {
        UTC_TIME => {
            // Two digits of a year between 1950 and 2049.
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i32 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |place: usize| rest.get(place..place + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    Timestamp::parse(&format!("{year:04}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

/// The content of an element of this kind, and what comes behind it.
fn take(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == kind).map(|(_, content, rest)| (content, rest))
}

fn skip(bytes: &[u8]) -> Option<&[u8]> {
    element(bytes).map(|(_, _, rest)| rest)
}

fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (&short, mut rest) = rest.split_first()?;
    let mut length = usize::from(short);
    if short & 0x80 != 0 {
        let count = usize::from(short & 0x7F);
        let long = rest.get(..count).filter(|long| (1..=4).contains(&long.len()))?;
        length = long.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
        rest = rest.get(count..)?;
    }
    Some((kind, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element of DER.
    fn der(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[kind, 0x82, length[0], length[1]], content].concat()
    }

    fn certificate(version: bool, kind: u8, after: &str) -> Vec<u8> {
        let validity = der(SEQUENCE, &[der(UTC_TIME, b"200101000000Z"), der(kind, after.as_bytes())].concat());
        let mut fields = if version { der(VERSION, &der(2, &[2])) } else { Vec::new() };
        for field in [der(2, &[1; 200]), der(SEQUENCE, &[]), der(SEQUENCE, &[]), validity] {
            fields.extend(field);
        }
        der(SEQUENCE, &[der(SEQUENCE, &fields), der(SEQUENCE, &[])].concat())
    }

    #[test]
    fn the_end_is_found() {
        let shown = |bytes: &[u8]| ends(bytes).map(|end| end.to_string());
        let utc = certificate(true, UTC_TIME, "270131235959Z");
        assert_eq!(shown(&utc).as_deref(), Some("2027-01-31T23:59:59.000Z"));
        let general = certificate(false, GENERALIZED_TIME, "20510131235959Z");
        assert_eq!(shown(&general).as_deref(), Some("2051-01-31T23:59:59.000Z"));
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(true, UTC_TIME, "270131235959Z");
        for cut in 0..whole.len() {
            assert_eq!(ends(&whole[..cut]), None, "{cut}");
        }
        for kind in [UTC_TIME, GENERALIZED_TIME, 0x05] {
            for text in ["", "Z", "27013123595", "2701312359é9Z", "999999999999Z"] {
                assert_eq!(ends(&certificate(true, kind, text)), None, "{text}");
            }
        }
    }
}
