//! What lies in a certs.d folder (`docs/behaviour/release.md` 7.5, "content").

use registries_conf::HostCerts;

fn check(names: &[&str], expected: &str) {
    let found = match HostCerts::from_listing(names) {
        Ok(certs) => {
            let clients = certs.clients.iter().map(|pair| format!("{}+{}", pair.cert, pair.key));
            certs.authorities.iter().cloned().chain(clients).collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{names:?}");
}

#[test]
fn authorities_and_pairs() {
    check(&[], "");
    check(&["b.crt", "a.crt", "notes.txt", "a.pem"], "a.crt b.crt");
    check(&["client.key", "ca.crt", "client.cert"], "ca.crt client.cert+client.key");
    check(
        &["client.cert", "ca.crt"],
        "missing key `client.key` for client certificate `client.cert`; CA certificates must use the extension `.crt`",
    );
    check(&["client.key"], "missing client certificate `client.cert` for key `client.key`");
}
