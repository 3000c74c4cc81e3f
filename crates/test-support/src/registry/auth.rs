//! Who may do what: basic credentials, and a token server with exact scopes (distribution "Token Authentication").

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Response};

use super::error::error;
use super::storage::lock;
use super::target::{Kind, Target};

/// How a registry asks for credentials.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// HTTP basic authentication.
    Basic {
        /// The one user.
        user: String,
        /// Its password.
        password: String,
    },
    /// Bearer tokens from a token server, which runs in the same process at `/token`.
    Token(TokenAuth),
}

impl Auth {
    /// HTTP basic authentication with one user.
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic { user: user.to_owned(), password: password.to_owned() }
    }
}

/// The token server.
#[derive(Debug, Clone)]
pub struct TokenAuth {
    users: Vec<User>,
    anonymous_pull: bool,
    lifetime: Duration,
    reported_lifetime: Option<u64>,
    service: String,
    extra_challenges: Vec<String>,
    identity_tokens: HashMap<String, String>,
}

impl TokenAuth {
    /// A token server where everyone may pull and nobody may push; tokens live for 300 s.
    pub fn anonymous() -> Self {
        Self {
            users: Vec::new(),
            anonymous_pull: true,
            lifetime: Duration::from_secs(300),
            reported_lifetime: Some(300),
            service: "test-registry".to_owned(),
            extra_challenges: Vec::new(),
            identity_tokens: HashMap::new(),
        }
    }

    /// A token server that knows one user, who may do everything, and nobody else.
    pub fn user(name: &str, password: &str) -> Self {
        Self { anonymous_pull: false, ..Self::anonymous() }.and_user(User::new(name, password))
    }

    /// One more user.
    #[must_use]
    pub fn and_user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Everyone may pull without credentials.
    #[must_use]
    pub fn anonymous_pull(mut self) -> Self {
        self.anonymous_pull = true;
        self
    }

    /// Tokens live, and say they live, so many seconds.
    #[must_use]
    pub fn lifetime(mut self, seconds: u64) -> Self {
        (self.lifetime, self.reported_lifetime) = (Duration::from_secs(seconds), Some(seconds));
        self
    }

    /// Tokens live for `lifetime`, whatever `expires_in` (`None`: left out) says.
    #[must_use]
    pub fn lifetime_other_than_reported(mut self, lifetime: Duration, reported: Option<u64>) -> Self {
        (self.lifetime, self.reported_lifetime) = (lifetime, reported);
        self
    }

    /// The `service` of the challenge.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    /// One more `WWW-Authenticate` header, in front of the bearer challenge.
    #[must_use]
    pub fn extra_challenge(mut self, challenge: &str) -> Self {
        self.extra_challenges.push(challenge.to_owned());
        self
    }

    /// `token` is an identity token (oauth2 refresh token) of `user`.
    #[must_use]
    pub fn identity_token(mut self, user: &str, token: &str) -> Self {
        self.identity_tokens.insert(token.to_owned(), user.to_owned());
        self
    }
}

/// A user of the token server.
#[derive(Debug, Clone)]
pub struct User {
    name: String,
    password: String,
    read_only: bool,
    prefix: String,
}

impl User {
    /// A user who may do everything everywhere.
    pub fn new(name: &str, password: &str) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), read_only: false, prefix: String::new() }
    }

    /// The user may only pull.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The user may only touch repositories that begin with `prefix`.
    #[must_use]
    pub fn only_below(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }
}

/// One scope: a repository and an action.
type Access = (String, String);

/// The tokens in circulation.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: Mutex<HashMap<String, (BTreeSet<Access>, Instant)>>,
    count: AtomicU64,
}

impl Tokens {
    pub(super) fn expire(&self) {
        lock(&self.issued).clear();
    }

    fn issue(&self, access: BTreeSet<Access>, lifetime: Duration) -> String {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let token = format!("test-token-{number}");
        lock(&self.issued).insert(token.clone(), (access, Instant::now() + lifetime));
        token
    }

    /// Whether the token is valid, and whether it allows all of `needed`.
    fn allows(&self, token: &str, needed: &BTreeSet<Access>) -> Option<bool> {
        let issued = lock(&self.issued);
        let (access, end) = issued.get(token)?;
        (*end > Instant::now()).then(|| needed.is_subset(access))
    }
}

/// The scopes a request needs. As in distribution, a write needs `pull` too, and a mount needs `pull` on its source.
fn needed(method: &Method, target: &Target, query: &str) -> BTreeSet<Access> {
    let actions: &[&str] = match *method {
        Method::GET | Method::HEAD => &["pull"],
        Method::DELETE if target.kind != Kind::Upload => &["delete"],
        _ => &["pull", "push"],
    };
    let mut access = BTreeSet::new();
    if target.kind == Kind::Catalog {
        access.insert(("catalog".to_owned(), "*".to_owned()));
    }
    if !target.repository.is_empty() {
        access.extend(actions.iter().map(|action| (target.repository.clone(), (*action).to_owned())));
    }
    let query = || url::form_urlencoded::parse(query.as_bytes());
    if *method == Method::POST
        && query().any(|(key, _)| key == "mount")
        && let Some((_, from)) = query().find(|(key, _)| key == "from")
    {
        access.insert((from.into_owned(), "pull".to_owned()));
    }
    access
}

/// `None` when the request may go on, else the 401 to answer.
pub(super) fn check(
    auth: &Auth,
    tokens: &Tokens,
    realm: &str,
    (method, target, query): (&Method, &Target, &str),
    headers: &HeaderMap,
) -> Option<Response<Body>> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    match auth {
        Auth::None => None,
        Auth::Basic { user, password } => {
            let right = basic(authorization).is_some_and(|(name, word)| name == *user && word == *password);
            (!right).then(|| challenged(["Basic realm=\"test-registry\"".to_owned()]))
        }
        Auth::Token(server) => {
            let needed = needed(method, target, query);
            let verdict = authorization
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(|token| tokens.allows(token, &needed));
            let problem = match verdict {
                Some(Some(true)) => return None,
                Some(Some(false)) => ",error=\"insufficient_scope\"",
                Some(None) => ",error=\"invalid_token\"",
                None => "",
            };
            let scope = scope_text(&needed);
            let scope = if scope.is_empty() { scope } else { format!(",scope=\"{scope}\"") };
            let bearer = format!("Bearer realm=\"{realm}\",service=\"{}\"{scope}{problem}", server.service);
            Some(challenged(server.extra_challenges.iter().cloned().chain([bearer])))
        }
    }
}

/// `repository:a:pull,push repository:b:pull`
fn scope_text(access: &BTreeSet<Access>) -> String {
    let repositories: BTreeSet<&str> = access.iter().map(|(repository, _)| repository.as_str()).collect();
    let scopes = repositories.into_iter().map(|repository| {
        let actions: Vec<&str> =
            access.iter().filter(|(name, _)| name == repository).map(|(_, action)| action.as_str()).collect();
        if repository == "catalog" {
            "registry:catalog:*".to_owned()
        } else {
            format!("repository:{repository}:{}", actions.join(","))
        }
    });
    scopes.collect::<Vec<_>>().join(" ")
}

fn challenged(challenges: impl IntoIterator<Item = String>) -> Response<Body> {
    let mut response = super::error::of_status(401);
    for challenge in challenges {
        let value = HeaderValue::from_str(&challenge).expect("a test writes a valid challenge");
        response.headers_mut().append("www-authenticate", value);
    }
    response
}

fn basic(authorization: Option<&str>) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(authorization?.strip_prefix("Basic ")?).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Answers a request to the token server: `GET` with basic credentials, or the oauth2 `POST`.
pub(super) fn token(
    auth: &Auth,
    tokens: &Tokens,
    method: &Method,
    query: &str,
    headers: &HeaderMap,
    form: &[u8],
) -> Response<Body> {
    let Auth::Token(server) = auth else { return error(404, "NAME_UNKNOWN", "this registry has no token server") };
    let parameters: Vec<(String, String)> = match *method {
        Method::GET => url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        Method::POST => url::form_urlencoded::parse(form).into_owned().collect(),
        _ => return super::error::of_status(405),
    };
    let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if get("service") != Some(&server.service) {
        return error(400, "UNSUPPORTED", "the service is not the one of the challenge");
    }
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let by_password = |name: &str, password: &str| {
        server.users.iter().find(|user| user.name == name && user.password == password).ok_or(())
    };
    let user = match (get("grant_type"), authorization) {
        (Some("refresh_token"), _) => {
            let name = get("refresh_token").and_then(|token| server.identity_tokens.get(token));
            name.and_then(|name| server.users.iter().find(|user| user.name == *name)).ok_or(()).map(Some)
        }
        (Some("password"), _) => {
            by_password(get("username").unwrap_or_default(), get("password").unwrap_or_default()).map(Some)
        }
        (Some(_), _) => Err(()),
        (None, Some(_)) => match basic(authorization) {
            Some((name, password)) => by_password(&name, &password).map(Some),
            None => Err(()),
        },
        (None, None) => Ok(None),
    };
    let Ok(user) = user else {
        return error(401, "UNAUTHORIZED", "incorrect username or password");
    };
    let scopes = parameters.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
    let mut granted = BTreeSet::new();
    for scope in scopes {
        let (repository, actions) = match scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':')) {
            Some(split) => split,
            None if scope == "registry:catalog:*" => ("catalog", "*"),
            None => continue,
        };
        for action in actions.split(',') {
            let allowed = match user {
                Some(user) => (!user.read_only || action == "pull") && repository.starts_with(&user.prefix),
                None => server.anonymous_pull && action == "pull",
            };
            if allowed {
                granted.insert((repository.to_owned(), action.to_owned()));
            }
        }
    }
    let token = tokens.issue(granted, server.lifetime);
    let mut answer = serde_json::json!({ "token": token, "access_token": token });
    if let Some(seconds) = server.reported_lifetime {
        answer["expires_in"] = seconds.into();
    }
    if let Some(known) = get("refresh_token") {
        answer["refresh_token"] = known.into();
    }
    let mut response = Response::new(Body::from(answer.to_string()));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}
