//! A secret is written nowhere: not on the terminal, not in a log, not in a result, whatever happens.

use test_support::{Auth, Effect, Fault, Kind, Registry, TokenAuth, When};

use super::Site;
use crate::harness::{Home, Outcome};

const PASSWORD: &str = "hunter2-Planted/Secret+";

/// Asserts that neither the output of `outcome` nor a file of the workspace has the password, as it is or as it travels.
#[track_caller]
fn keeps_quiet(home: &Home, outcome: &Outcome, tokens: &[String]) {
    let mut forms = vec![PASSWORD.to_owned(), "hunter2-Planted%2FSecret%2B".to_owned()];
    forms.push(crate::harness::base64(format!("me:{PASSWORD}")));
    forms.extend(tokens.iter().cloned());
    for form in &forms {
        assert!(!outcome.stdout.contains(form), "standard output tells {form}:\n{}", outcome.stdout);
        assert!(!outcome.stderr.contains(form), "standard error tells {form}:\n{}", outcome.stderr);
        for name in home.files() {
            if name.ends_with("auth.json") {
                continue;
            }
            let bytes = std::fs::read(home.path().join(&name)).unwrap();
            assert!(!bytes.windows(form.len()).any(|window| window == form.as_bytes()), "{name} tells {form}");
        }
    }
}

/// The bearer tokens that clients showed to a registry.
fn tokens(registry: &Registry) -> Vec<String> {
    let mut tokens: Vec<String> = registry
        .requests()
        .iter()
        .filter_map(|request| Some(request.header("authorization")?.strip_prefix("Bearer ")?.to_owned()))
        .collect();
    tokens.sort();
    tokens.dedup();
    tokens
}

#[test]
fn at_the_highest_log_level() {
    for auth in [Auth::basic("me", PASSWORD), Auth::Token(TokenAuth::user("me", PASSWORD))] {
        for output in ["text", "json"] {
            let site = Site::with(Registry::builder().auth(auth.clone()));
            let destination = Registry::builder().auth(auth.clone()).start_blocking();
            let auth_file = site.home.auth_file(site.source.host(), "me", PASSWORD);
            let more = ["--log-level=trace", "--output", output, "--authfile", &auth_file];
            let outcome = site.home.to_disk(&more);
            keeps_quiet(&site.home, outcome.code(0), &tokens(&site.source));
            let auth_file = site.home.auth_file(destination.host(), "me", PASSWORD);
            let more = ["--log-level=trace", "--output", output, "--authfile", &auth_file];
            let outcome = site.home.to_mirror(destination.host(), &more);
            keeps_quiet(&site.home, outcome.code(0), &tokens(&destination));
            assert!(matches!(auth, Auth::Basic { .. }) || !tokens(&destination).is_empty());
        }
    }
}

/// Failures are where secrets slip out: refused credentials, a redirect with a signed address, a token server that fails.
#[test]
fn when_things_fail() {
    let refused = Auth::Token(TokenAuth::user("me", "another"));
    for (auth, fault) in [
        (Auth::basic("me", "another"), None),
        (refused, None),
        (Auth::basic("me", PASSWORD), Some(Fault::new(When::kind(Kind::Blob), Effect::status(500)))),
        (Auth::Token(TokenAuth::user("me", PASSWORD)), Some(Fault::new(When::kind(Kind::Token), Effect::status(500)))),
        (Auth::Token(TokenAuth::user("me", PASSWORD)), Some(Fault::new(When::kind(Kind::Blob), Effect::Denied))),
    ] {
        let site = Site::with(Registry::builder().auth(auth));
        if let Some(fault) = fault {
            site.source.fault(fault);
        }
        let auth_file = site.home.auth_file(site.source.host(), "me", PASSWORD);
        let outcome = site.home.to_disk(&["--log-level=trace", "--retry-times=1", "--authfile", &auth_file]);
        keeps_quiet(&site.home, outcome.code(8), &tokens(&site.source));
    }
    // A signature in the query of a redirect is a credential too.
    let site = Site::new();
    let target = format!("http://{}/gone?X-Amz-Signature=hunter2-Planted%2FSecret%2B", site.source.cdn_host());
    site.source.fault(Fault::new(When::kind(Kind::Blob), Effect::Redirect(target)));
    let outcome = site.home.to_disk(&["--log-level=trace", "--retry-times=1"]);
    keeps_quiet(&site.home, outcome.code(8), &[]);
}
