//! What is wrong with a certificate, in words, and what to do about that: each fault has its own advice.

use rustls::CertificateError as Fault;

use super::hint::Hint;
use super::place::Place;

/// The message and the advice.
pub(super) fn explain(fault: &Fault, place: &Place) -> (String, Hint) {
    let of = format!("x509: the certificate of `{place}`");
    match fault {
        Fault::ExpiredContext { time, not_after } => (
            format!("{of} expired on {}; this machine's clock says {}", date(*not_after), date(*time)),
            Hint::RenewCertificate,
        ),
        Fault::Expired => (format!("{of} has expired"), Hint::RenewCertificate),
        Fault::NotValidYetContext { time, not_before } => (
            format!("{of} is not valid before {}; this machine's clock says {}", date(*not_before), date(*time)),
            Hint::CheckClock,
        ),
        Fault::NotValidYet => (format!("{of} is not valid yet"), Hint::CheckClock),
        Fault::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<String> = presented.iter().take(5).map(|name| format!("`{}`", bare(name))).collect();
            (format!("{of} is for {}, not for `{}`", names.join(", "), place.host), Hint::UseCertifiedName)
        }
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
            (format!("{of} names no host in its subjectAltName"), Hint::NameInCertificate { host: place.host.clone() })
        }
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => {
            (format!("{of} is not meant for servers (extendedKeyUsage)"), Hint::CertificateForServers)
        }
        Fault::UnknownIssuer => (
            format!("{of} is signed by an authority that is not trusted"),
            Hint::TrustCertificate { file: place.authority.clone(), side: place.side },
        ),
        Fault::Other(other) if other.to_string().contains("UnsupportedCertVersion") => (
            format!("{of} is of X.509 version 1 and has no subjectAltName"),
            Hint::NameInCertificate { host: place.host.clone() },
        ),
        Fault::Revoked => (format!("{of} is revoked"), Hint::RenewCertificate),
        other => (format!("{of} cannot be used: {other}"), Hint::RenewCertificate),
    }
}

fn date(time: rustls::pki_types::UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{seconds} s after 1970"),
    }
}

/// `DnsName("reg.io")` as `reg.io`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"')
}
