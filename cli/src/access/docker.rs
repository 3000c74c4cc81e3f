//! The docker daemon, for `skopeo`, which looks at none of docker's variables.

use std::ffi::OsString;

use crate::env::Docker;
use crate::settings::Access;

/// The flags of `skopeo copy` that say where the daemon is and how it is trusted; none when it is at its usual place. To
/// docker `tcp://` is plain HTTP unless it is told of TLS, to `skopeo` it is HTTPS always.
pub(super) fn flags(access: &Access, docker: &Docker) -> Vec<OsString> {
    let tls = docker.tls_verify || docker.cert_path.is_some();
    let of_docker = |host: &String| match host.strip_prefix("tcp://") {
        Some(place) if !tls => format!("http://{place}"),
        _ => host.clone(),
    };
    let Some(host) = access.daemon_host.clone().or_else(|| docker.host.as_ref().map(of_docker)) else {
        return Vec::new();
    };
    let mut flags = vec!["--src-daemon-host".into(), host.into()];
    if let Some(folder) = access.cert_dir.as_ref().or(docker.cert_path.as_ref()) {
        flags.extend(["--src-cert-dir".into(), folder.into()]);
    }
    if !access.verify_tls {
        flags.push("--src-tls-verify=false".into());
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_variables_become_flags() {
        let check =
            |flag: &str, (cert_dir, verify_tls): (&str, bool), variables: (&str, &str, bool), expected: &str| {
                let path = |text: &str| (!text.is_empty()).then(|| text.into());
                let access = Access {
                    authfile: None,
                    credentials: None,
                    anonymous: false,
                    registry_token: None,
                    cert_dir: path(cert_dir),
                    shared_blob_dir: None,
                    daemon_host: (!flag.is_empty()).then(|| flag.to_owned()),
                    verify_tls,
                    tls_given: true,
                };
                let (host, cert_path, tls_verify) = variables;
                let host = (!host.is_empty()).then(|| host.to_owned());
                let flags = flags(&access, &Docker { host, cert_path: path(cert_path), tls_verify });
                assert_eq!(flags.join(" ".as_ref()).to_str(), Some(expected), "{flag} {variables:?}");
            };
        let plain = ("", true);
        check("", plain, ("", "", false), "");
        check("", ("/flag", false), ("", "/certs", true), "");
        check("", plain, ("unix:///run/d.sock", "", false), "--src-daemon-host unix:///run/d.sock");
        check("", plain, ("tcp://d:2375", "", false), "--src-daemon-host http://d:2375");
        check("", plain, ("tcp://d:2376", "", true), "--src-daemon-host tcp://d:2376");
        check("", plain, ("tcp://d:2376", "/certs", false), "--src-daemon-host tcp://d:2376 --src-cert-dir /certs");
        check(
            "",
            ("/flag", false),
            ("tcp://d:2376", "/certs", true),
            "--src-daemon-host tcp://d:2376 --src-cert-dir /flag --src-tls-verify=false",
        );
        // What the flag says is skopeo's word, as upstream takes it.
        check("tcp://flag:1", plain, ("tcp://d:2375", "", false), "--src-daemon-host tcp://flag:1");
    }
}
