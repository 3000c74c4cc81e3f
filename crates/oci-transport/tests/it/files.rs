//! Files of web servers that belong to a side: chart repositories.

use oci_transport::{Client, Condition, Credentials, Redactor, Side};
use test_support::{TestCa, WebServer};

use crate::support::{ByPrefix, client, source, with_credentials};

const LIMIT: usize = 1000;

/// Status and body of a file.
async fn get(client: &Client, url: &str) -> (u16, String) {
    let answer = client.get_file(url, LIMIT).await.unwrap();
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

fn found(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

#[tokio::test]
async fn statuses_are_answers_and_sizes_are_bounded() {
    let server = WebServer::start_blocking();
    server.file("/a/index.yaml", "entries: {}");
    server.file("/large", "x".repeat(LIMIT + 1));
    server.status("/broken", 503);
    let client = client(|options| options.retry.times = 1);
    let url = |path: &str| format!("{}{path}", server.url());
    assert_eq!(get(&client, &url("/a/index.yaml")).await, found("entries: {}"));
    assert_eq!(get(&client, &url("/none")).await.0, 404);
    assert_eq!(get(&client, &url("/broken")).await.0, 503);
    assert_eq!(server.paths().iter().filter(|path| *path == "/broken").count(), 2, "a status of 5xx is tried again");
    assert_eq!(client.get_file(&url("/large"), LIMIT).await.unwrap_err().condition(), Condition::TooLarge);
    assert_eq!(client.get_file("no address", LIMIT).await.unwrap_err().condition(), Condition::Configuration);
}

/// Nobody is told who we are before he has asked; then it is the user information of the address that counts, and else
/// the entry of the auth file for the host, or for a folder of it.
#[tokio::test]
async fn credentials_are_for_who_asks() {
    let server = WebServer::start_blocking();
    server.file("/charts/index.yaml", "entries: {}");
    let url = format!("{}/charts/index.yaml", server.url());
    let of = |prefix: String, user: &str| {
        with_credentials(Side::Source, ByPrefix(vec![(prefix, Credentials::basic(user, "s3cret"))]))
    };
    assert_eq!(get(&of(server.host().to_owned(), "user"), &url).await, found("entries: {}"));
    assert!(server.requests().iter().all(|request| request.authorization.is_none()), "the server did not ask");

    server.login("user", "s3cret");
    assert_eq!(get(&source(), &url).await.0, 401);
    assert_eq!(get(&of(server.host().to_owned(), "user"), &url).await, found("entries: {}"));
    assert_eq!(get(&of(format!("{}/charts", server.host()), "user"), &url).await, found("entries: {}"));
    assert_eq!(get(&of(format!("{}/other", server.host()), "user"), &url).await.0, 401);
    assert_eq!(get(&of(server.host().to_owned(), "nobody"), &url).await.0, 401);
    let given = url.replace("http://", "http://user:s3cret@");
    assert_eq!(get(&of(server.host().to_owned(), "nobody"), &given).await, found("entries: {}"));
    let wrong = url.replace("http://", "http://user:wrong@");
    assert_eq!(get(&of(server.host().to_owned(), "user"), &wrong).await.0, 401);
}

#[tokio::test]
async fn credentials_follow_no_redirect_to_another_host() {
    let (server, other) = (WebServer::start_blocking(), WebServer::start_blocking());
    server.login("user", "s3cret");
    server.redirect("/index.yaml", "/moved");
    server.redirect("/moved", format!("{}/index.yaml", other.url()));
    other.file("/index.yaml", "entries: {}");
    let url = format!("http://user:s3cret@{}/index.yaml", server.host());
    assert_eq!(get(&source(), &url).await, found("entries: {}"));
    assert!(other.requests().iter().all(|request| request.authorization.is_none()));
    // The other host asks for a user itself: ours is none of it.
    other.login("user", "s3cret");
    assert_eq!(get(&source(), &url).await.0, 401);
    assert!(other.requests().iter().all(|request| request.authorization.is_none()));
}

/// Another host may lead back, to a path of its choice: who we are is not told there either.
#[tokio::test]
async fn credentials_follow_nobody_back() {
    let (server, other) = (WebServer::start_blocking(), WebServer::start_blocking());
    server.login("user", "s3cret");
    server.redirect("/index.yaml", format!("{}/away", other.url()));
    server.file("/private", "ours");
    other.redirect("/away", format!("{}/private", server.url()));
    let url = format!("http://user:s3cret@{}/index.yaml", server.host());
    assert_eq!(get(&source(), &url).await.0, 401);
    let back = server.requests().into_iter().filter(|request| request.path == "/private");
    assert!(back.map(|request| request.authorization).all(|authorization| authorization.is_none()));
}

#[tokio::test]
async fn certificates_are_those_of_the_side() {
    let ca = TestCa::new();
    let server = WebServer::start_tls_blocking(&ca);
    server.file("/index.yaml", "entries: {}");
    let url = format!("{}/index.yaml", server.url());
    let certs = tempfile::tempdir().unwrap();
    ca.write_certs_d(certs.path(), server.host(), false).unwrap();
    let trusting = client(|options| {
        options.tls_verify = true;
        options.cert_dirs = vec![certs.path().to_owned()];
    });
    assert_eq!(get(&trusting, &url).await, found("entries: {}"));
    assert_eq!(get(&source(), &url).await, found("entries: {}"));
    let strict = client(|options| options.tls_verify = true);
    assert_eq!(strict.get_file(&url, LIMIT).await.unwrap_err().condition(), Condition::Certificate);
    // Public services are not excused by the flag that is meant for registries.
    assert_eq!(source().get(&url, None, LIMIT).await.unwrap_err().condition(), Condition::Certificate);

    // From HTTPS to plain HTTP goes only who does without verification.
    let open = WebServer::start_blocking();
    open.file("/index.yaml", "entries: {}");
    server.redirect("/open", format!("{}/index.yaml", open.url()));
    let url = format!("{}/open", server.url());
    assert_eq!(trusting.get_file(&url, LIMIT).await.unwrap_err().condition(), Condition::Redirect);
    assert_eq!(open.paths(), Vec::<String>::new());
    assert_eq!(get(&source(), &url).await, found("entries: {}"));
}

#[tokio::test]
async fn user_information_is_not_repeated() {
    let redactor = Redactor::default();
    let client = client(|options| {
        options.redactor = redactor.clone();
        options.retry.times = 0;
    });
    let error = client.get_file("http://robot:correct-horse@127.0.0.1:1/index.yaml", LIMIT).await.unwrap_err();
    assert!(!error.to_string().contains("correct-horse"), "{error}");
    assert_eq!(redactor.clean("it was correct-horse"), "it was [redacted]");
    let error = client.get_file("http://robot:correct-horse@[/index.yaml", LIMIT).await.unwrap_err();
    assert!(!error.to_string().contains("correct-horse"), "{error}");
}
