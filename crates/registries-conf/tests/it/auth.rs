//! Who one is to which registry (`docs/behaviour/release.md` 7.4).

use insta::assert_snapshot;
use registries_conf::{AuthFile, CredentialChain, Credentials, Helper, Lookup, RegistriesConf, Secret};

use crate::{layer, shared};

/// What a lookup decided, secrets shown: the tests are the one reader who may.
fn show(lookup: Option<&Lookup>) -> String {
    match lookup {
        None => "-".to_owned(),
        Some(Lookup::Helper(helper)) => format!("{} < {}", helper.program(), helper.server),
        Some(Lookup::Store(helper)) => format!("store: {} < {}", helper.program(), helper.server),
        Some(Lookup::Found(credentials)) => show_credentials(credentials),
    }
}

fn show_credentials(credentials: &Credentials) -> String {
    match credentials {
        Credentials::Basic { username, password } => format!("{}:{}", username.reveal(), password.reveal()),
        Credentials::IdentityToken(token) => format!("identity {}", token.reveal()),
        Credentials::Bearer(token) => format!("bearer {}", token.reveal()),
    }
}

fn check(file: &AuthFile, repository: &str, expected: &str) {
    let found = if repository.contains('/') {
        file.credentials_for(&repository.parse().unwrap())
    } else {
        file.credentials_for_registry(repository)
    };
    assert_eq!(show(found.as_ref()), expected, "{repository}");
}

#[test]
fn keys_from_most_to_least_specific() {
    let file = AuthFile::parse(
        r#"{"auths": {
            "reg.io:5000/ns/repo": {"auth": "cmVwbzox"},
            "reg.io:5000/ns": {"auth": "bnM6MQ=="},
            "reg.io:5000": {"auth": "aG9zdDox"},
            "https://url.io/v1/": {"auth": "dXJsOjE="},
            "plain.io/path": {"auth": "cGF0aDox"},
            "tagged.io/a:1": {"auth": "dGFnOjE="},
            "nul.io": {"auth": "bnVsOnNlY3JldAAA"},
            "colon.io": {"auth": "YTpiOmM="},
            "lines.io": {"auth": "bGlu\nZXM6\r\nMQ==\n"},
            "token.io": {"auth": "MDA6", "identitytoken": "refresh"},
            "bearer.io": {"registrytoken": "ready"},
            "fields.io": {"username": "u", "password": "p"},
            "empty.io": {},
            "null.io": null
        }}"#,
    )
    .unwrap();
    check(&file, "reg.io:5000/ns/repo", "repo:1");
    check(&file, "reg.io:5000/ns/repo/sub", "repo:1");
    check(&file, "reg.io:5000/ns/other", "ns:1");
    check(&file, "reg.io:5000/ns2/other", "host:1");
    check(&file, "reg.io:5000", "host:1");
    check(&file, "reg.io/ns/repo", "-");
    check(&file, "url.io/any", "url:1");
    check(&file, "plain.io/path/x", "path:1");
    check(&file, "plain.io/other", "-");
    check(&file, "plain.io", "-");
    check(&file, "tagged.io/a", "-");
    check(&file, "nul.io/x", "nul:secret");
    check(&file, "colon.io/x", "a:b:c");
    check(&file, "lines.io/x", "lines:1");
    check(&file, "token.io/x", "identity refresh");
    check(&file, "bearer.io/x", "bearer ready");
    check(&file, "fields.io/x", "u:p");
    check(&file, "empty.io/x", "-");
    check(&file, "null.io/x", "-");
    assert!(file.warnings().is_empty());
}

#[test]
fn docker_hub_has_three_names() {
    for key in ["docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"] {
        let file = AuthFile::parse(&format!(r#"{{"auths": {{"{key}": {{"auth": "dTpw"}}}}}}"#)).unwrap();
        for registry in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            check(&file, &format!("{registry}/library/x"), "u:p");
        }
    }
}

#[test]
fn helpers_of_a_file() {
    let file = AuthFile::parse(
        r#"{
            "auths": {"reg.io": {"auth": "dTpw"}, "moved.io": {}, "kept.io": {"auth": "dTpw"}, "bad.io": {"auth": "dTpw"}},
            "credHelpers": {"reg.io": "one", "bad.io": "../evil"},
            "credsStore": "store"
        }"#,
    )
    .unwrap();
    check(&file, "reg.io/x", "docker-credential-one < reg.io");
    check(&file, "moved.io/x", "store: docker-credential-store < moved.io");
    check(&file, "unheard.io/x", "store: docker-credential-store < unheard.io");
    check(&file, "docker.io/library/x", "store: docker-credential-store < https://index.docker.io/v1/");
    check(&file, "kept.io/x", "u:p");
    check(&file, "bad.io/x", "-");
    assert_snapshot!(
        file.warnings().join("\n"),
        @r#"credential helper names ["../evil"] are ignored: a helper is named by letters, digits, `.`, `_` and `-`"#
    );
}

#[test]
fn unusable_entries_are_named_and_the_others_work() {
    let file = AuthFile::parse(r#"{"auths": {"a.io": {"auth": "???"}, "b.io": {"auth": "bm9jb2xvbg=="}, "c.io": {"auth": "dTpw"}, "d.io": {"auth": "//79"}}}"#).unwrap();
    check(&file, "a.io/x", "-");
    check(&file, "b.io/x", "-");
    check(&file, "c.io/x", "u:p");
    assert_snapshot!(
        file.warnings().join("\n"),
        @r#"
the entry `a.io` is ignored: its `auth` is not base64
the entry `b.io` is ignored: its `auth` has no colon between user and password
the entry `d.io` is ignored: its `auth` is not UTF-8 text
"#
    );
}

#[test]
fn mistakes_say_where_and_never_what() {
    let error = |text: &str| AuthFile::parse(text).unwrap_err().to_string();
    assert_snapshot!(
        error("{\"auths\": {\n \"a.io\": \"planted-secret\"}}"),
        @r#"not an auth file: a value of the wrong type is at line 2, column 25; expected `{"auths": {"host": {"auth": "…"}}}`"#
    );
    assert_snapshot!(
        error("{\"auths\": {\n \"a.io\": {\"auth\": \"planted-secret\"}}"),
        @"invalid JSON at line 2, column 36"
    );
    assert_snapshot!(
        error("[\"planted-secret\"]"),
        @r#"not an auth file: a value of the wrong type is at line 1, column 1; expected `{"auths": {"host": {"auth": "…"}}}`"#
    );
    assert_snapshot!(
        AuthFile::parse_legacy("{\"a.io\": 1}").unwrap_err().to_string(),
        @r#"not an auth file: a value of the wrong type is at line 1, column 10; expected `{"auths": {"host": {"auth": "…"}}}`"#
    );
    // What serde reads a struct from as well.
    for list in ["[]", r#"{"auths": {"a.io": ["planted-secret"]}}"#] {
        assert!(
            error(list).starts_with("not an auth file: a value of the wrong type is at line 1, "),
            "{}",
            error(list)
        );
    }
    // A key of the format that stands twice; its content is told nowhere.
    for text in [
        r#"{"auths": {}, "auths": {"a.io": {"auth": "planted-secret"}}}"#,
        r#"{"auths": {"a.io": {"auth": "dTpw", "auth": "planted-secret"}}}"#,
        r#"{"credHelpers": {}, "credHelpers": {}}"#,
        r#"{"credsStore": "a", "credsStore": "planted-secret"}"#,
    ] {
        let text = error(text);
        assert!(text.starts_with("duplicate key `") && text.contains("line 1, column"), "{text}");
        assert!(!text.contains("planted-secret"), "{text}");
    }
    assert_snapshot!(
        error("{\"auths\": {},\n \"auths\": {}}"),
        @"duplicate key `auths`: the same object has it twice, the second time at line 2, column 8; keep one of them"
    );
    assert_eq!(AuthFile::parse("").unwrap(), AuthFile::default());
    assert_eq!(AuthFile::parse("{}").unwrap(), AuthFile::default());
    assert!(AuthFile::parse_legacy(" \n").unwrap().keys().next().is_none());
}

#[test]
fn secrets_never_print_themselves() {
    let secret = "planted-secret";
    let file = AuthFile::parse(&format!(
        r#"{{"auths": {{"a.io": {{"identitytoken": "{secret}"}}, "b.io": {{"registrytoken": "{secret}"}}, "c.io": {{"username": "{secret}", "password": "{secret}"}}}}}}"#
    ))
    .unwrap();
    let chain = CredentialChain::from_files(vec![("auth.json".to_owned(), file.clone())]);
    let mut printed = vec![format!("{file:?} {file:#?} {chain:?} {:?}", Secret::new(secret))];
    for registry in ["a.io", "b.io", "c.io"] {
        let lookup = file.credentials_for_registry(registry).unwrap();
        printed.push(format!("{lookup:?}"));
        let Lookup::Found(credentials) = lookup else { panic!("{registry}: no credentials") };
        printed.push(format!("{credentials} {credentials:?} {credentials:#?}"));
        assert!(show_credentials(&credentials).contains(secret), "they are there all the same");
    }
    printed.push(format!("{} {:?}", Secret::new(secret), Credentials::basic("planted-secret", "planted-secret")));
    let printed = printed.join("\n");
    assert!(!printed.contains(secret), "{printed}");
    assert!(printed.contains("hidden"));
}

#[test]
fn answers_of_helper_programs() {
    let helper = Helper::new("store", "reg.io").unwrap();
    let check = |success: bool, stdout: &str, expected: &str| {
        let found = match helper.answer(success, stdout.as_bytes()) {
            Ok(Some(credentials)) => show_credentials(&credentials),
            Ok(None) => "-".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{stdout}");
    };
    check(true, r#"{"ServerURL": "reg.io", "Username": "u", "Secret": "p"}"#, "u:p");
    check(true, r#"{"Username": "<token>", "Secret": "t"}"#, "identity t");
    check(true, r#"{"Username": "", "Secret": ""}"#, "-");
    check(true, r#"{"Secret": "planted"}"#, "credential helper `docker-credential-store` answered without user name");
    let rubbish = |at: &str| {
        format!(
            "credential helper `docker-credential-store` answered with something else than a JSON object of strings ({at})"
        )
    };
    check(true, "planted", &rubbish("line 1, column 1"));
    // What serde reads a struct from as well.
    check(true, r#"["u", "planted"]"#, &rubbish("line 1, column 1"));
    check(true, "\n []", &rubbish("line 2, column 3"));
    check(true, r#"{"Username": ["u"], "Secret": "planted"}"#, &rubbish("line 1, column 13"));
    check(true, "null", &rubbish("line 1, column 4"));
    check(false, "credentials not found in native keychain\n", "-");
    check(false, "planted", "credential helper `docker-credential-store` failed");
    for hostile in ["", "../x", "a b", "a/b", "a\0b", "ä"] {
        assert_eq!(Helper::new(hostile, "reg.io"), None, "{hostile:?}");
    }
}

#[test]
fn the_first_file_that_yields_credentials_wins() {
    let file = |text: &str| AuthFile::parse(text).unwrap();
    let files = || {
        vec![
            ("1".to_owned(), file(r#"{"auths": {"a.io": {"auth": "b25lOjE="}, "e.io": {}}}"#)),
            ("2".to_owned(), file(r#"{"credHelpers": {"b.io": "two"}}"#)),
            (
                "3".to_owned(),
                file(
                    r#"{"auths": {"a.io/ns": {"auth": "dGhyZWU6MQ=="}, "b.io": {"auth": "dGhyZWU6MQ=="}, "e.io": {"auth": "dGhyZWU6MQ=="}}}"#,
                ),
            ),
        ]
    };
    let check = |chain: &CredentialChain, repository: &str, expected: &[&str]| {
        let lookups = chain.lookups(&repository.parse().unwrap());
        let found: Vec<_> = lookups.iter().map(|lookup| show(Some(lookup))).collect();
        assert_eq!(found, expected, "{repository}");
    };
    let chain = CredentialChain::from_files(files());
    check(&chain, "a.io/ns/x", &["one:1"]);
    check(&chain, "b.io/x", &["docker-credential-two < b.io", "three:1"]);
    check(&chain, "e.io/x", &["three:1"]);
    check(&chain, "f.io/x", &[]);

    let chain_with = |helpers: &str| {
        let conf = RegistriesConf::from_layers(&[layer("r.conf", &format!("credential-helpers = {helpers}"))]).unwrap();
        CredentialChain::new(&conf, files())
    };
    check(&chain_with("['h']"), "a.io/x", &["docker-credential-h < a.io"]);
    check(&chain_with("['containers-auth.json', 'h']"), "a.io/x", &["one:1"]);
    check(&chain_with("['h', 'containers-auth.json']"), "a.io/x", &["docker-credential-h < a.io", "one:1"]);
    check(&chain_with("['h', '../h']"), "f.io/x", &["docker-credential-h < f.io"]);
    check(&chain_with("[]"), "a.io/x", &["one:1"]);
}

/// Every auth file of the containers projects' test data.
#[test]
pub(crate) fn the_shared_data() {
    let file = |name: &str| shared(&format!("auth/{name}.json")).map(|text| AuthFile::parse(&text).unwrap());
    let Some(full) = file("full") else { return };
    check(&full, "example.org/x", "example:org");
    check(&full, "docker.io/library/x", "docker:io");
    check(&full, "index.docker.io/library/x", "index:docker.io");
    check(&full, "localhost/x", "local:host");
    check(&full, "localhost:5000/x", "local:host-5000");
    check(&full, "10.10.30.45/x", "10.10:30.45");
    check(&full, "10.10.30.45:5000/x", "10.10:30.45-5000");
    check(&full, "normalize.example.org/x", "normalize:example");
    check(&full, "unknown.org/x", "-");

    let abnormal = file("abnormal").unwrap();
    check(&abnormal, "example.org/x", "example:org");
    check(&abnormal, "docker.io/library/x", "index:docker.io");
    check(&abnormal, "127.0.0.1:5000/x", "127.0:0.1-5000");
    check(&abnormal, "localhost/x", "local:host");
    check(&abnormal, "localhost:5001/x", "local:host-5001");
    check(&abnormal, "localhost:5000/x", "local:host-5000");

    let refpath = file("refpath").unwrap();
    check(&refpath, "example.org/repo", "example:org");
    check(&refpath, "example.org/repo/image", "example:org");
    check(&refpath, "example.org/other", "local:host");
    check(&refpath, "docker.io/vendor/x", "first:level");
    check(&refpath, "docker.io/other/x", "top:level");
    check(&refpath, "docker.io/library/busybox", "library:busybox");
    check(&refpath, "docker.io/library/alpine", "library:other");

    check(&file("example").unwrap(), "example.org/x", "example:org");
    check(&file("example_identitytoken").unwrap(), "example.org/x", "identity some very long identity token");
    check(&file("empty").unwrap(), "example.org/x", "-");
    check(
        &file("config").unwrap(),
        "registry-no-creds.com/x",
        "docker-credential-helper-registry < registry-no-creds.com",
    );
    check(&file("config").unwrap(), "example.org/x", "-");

    let legacy = AuthFile::parse_legacy(&shared("auth/legacy.json").unwrap()).unwrap();
    check(&legacy, "docker.io/library/x", "docker:io-legacy");
    check(&legacy, "localhost/x", "local:host-legacy");
    check(&legacy, "example.org/x", "-");
}

/// As in Go the last entry counts; that there are others is told.
#[test]
fn of_an_entry_that_stands_twice_the_last_counts() {
    let rows = [
        AuthFile::parse(r#"{"auths": {"a.io": {"auth": "bzpsZA=="}, "b.io": {}, "a.io": {"auth": "dTpw"}}}"#).unwrap(),
        AuthFile::parse_legacy(r#"{"a.io": {"auth": "bzpsZA=="}, "a.io": {"auth": "dTpw"}}"#).unwrap(),
    ];
    for file in rows {
        check(&file, "a.io/x", "u:p");
        assert_eq!(file.warnings(), ["duplicate key `a.io`: the last of its entries counts; remove the others"]);
    }
    let file = AuthFile::parse(r#"{"credHelpers": {"a.io": "one", "a.io": "two"}}"#).unwrap();
    check(&file, "a.io/x", "docker-credential-two < a.io");
    assert_eq!(file.warnings().len(), 1);
}

#[test]
fn the_file_that_has_an_entry() {
    let file = |text: &str| AuthFile::parse(text).unwrap();
    let files = vec![
        ("1.json".to_owned(), file(r#"{"auths": {"a.io/ns": {"auth": "dTpw"}}}"#)),
        ("2.json".to_owned(), file(r#"{"auths": {"a.io": {"auth": "dTpw"}}, "credHelpers": {"b.io": "two"}}"#)),
    ];
    let chain = CredentialChain::from_files(files);
    let check = |name: &str, expected: Option<&str>| {
        let repository = name.parse().ok();
        let registry = name.split('/').next().unwrap();
        assert_eq!(chain.file_with_entry(registry, repository.as_ref()), expected, "{name}");
    };
    check("a.io/ns/app", Some("1.json"));
    check("a.io/other", Some("2.json"));
    check("a.io", Some("2.json"));
    check("b.io/x", Some("2.json"));
    check("c.io/x", None);
    assert_eq!(chain.files().collect::<Vec<_>>(), ["1.json", "2.json"]);
}
