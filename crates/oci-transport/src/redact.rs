//! Takes credentials out of texts: the one place that knows what was sent.
//!
//! A registry, a token server or a proxy may repeat what it was told, in a header, in an address or in the words of a
//! refusal. The client therefore tells a [`Redactor`] of every credential before that credential is used, and every text
//! that comes from outside passes it. Log lines, error files and result documents pass the same one: its clones share
//! what they know.
//!
//! Two things are blotted out: what is known to be a secret, however it is escaped, and what has the shape of one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use registries_conf::Credentials;

/// What stands where a credential stood.
pub const REDACTED: &str = "[redacted]";

/// From this length on, in bytes, a secret is blotted out inside of longer words too. A shorter one has to stand alone:
/// else it would blank out ordinary text.
const LONG: usize = 8;

/// Shorter texts are not searched for, unless they belong to a pair such as `user:password`.
const SHORTEST: usize = 4;

/// How many tokens are remembered. They expire within minutes; the oldest are forgotten first.
const TOKENS: usize = 512;

/// Words in front of a credential: everything up to the next blank, quote or comma behind them is one.
const BEFORE_CREDENTIALS: [&str; 2] = ["bearer ", "basic "];

/// Query parameters whose value is a credential, as addresses of storage back-ends, token servers and upload sessions carry
/// them. In lower case.
const SECRET_PARAMETERS: [&str; 15] = [
    "x-amz-signature=",
    "x-amz-credential=",
    "x-amz-security-token=",
    "x-goog-signature=",
    "x-goog-credential=",
    "signature=",
    "sig=",
    "access_token=",
    "refresh_token=",
    "id_token=",
    "client_secret=",
    "token=",
    "password=",
    "passwd=",
    "_state=",
];

/// Digest algorithms that may stand behind an `@`: `app@sha256:…` is no user information.
const ALGORITHMS: [&str; 5] = ["sha256:", "sha384:", "sha512:", "sha1:", "blake3:"];

/// Knows the secrets of a run and the shapes of others. Clones share what they know.
///
/// ```
/// use oci_transport::Redactor;
///
/// let redactor = Redactor::default();
/// redactor.hide_pair("robot", "correct-horse");
/// assert_eq!(redactor.clean("no such login robot:correct-horse"), "no such login [redacted]");
/// assert_eq!(redactor.clean("Basic cm9ib3Q6Y29ycmVjdC1ob3JzZQ=="), "Basic [redacted]");
/// assert_eq!(redactor.clean("docker://me:secret@reg.io/app"), "docker://[redacted]@reg.io/app");
/// ```
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    secrets: Vec<Form>,
    tokens: VecDeque<Form>,
    /// Places in `secrets` by their first byte in lower case.
    by_first: HashMap<u8, Vec<usize>>,
}

/// A secret as it may appear.
#[derive(PartialEq, Eq)]
struct Form {
    text: Vec<u8>,
    /// Whether it is base64: then its two alphabets are the same, and padding does not matter.
    base64: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Redactor").field("secrets", &(known.secrets.len() + known.tokens.len())).finish()
    }
}

impl Redactor {
    /// Adds a secret that must not be printed. Less than four bytes are no secret.
    pub fn hide(&self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.add(secret, false);
        }
    }

    /// Adds a user name with its password, in every form in which they travel: the pair, its base64 text, and, from eight
    /// bytes on, the password alone.
    pub fn hide_pair(&self, username: &str, password: &str) {
        if password.is_empty() {
            return;
        }
        let pair = format!("{username}:{password}");
        self.add(&STANDARD.encode(&pair), true);
        self.add(&pair, false);
        if password.len() >= LONG {
            self.add(password, false);
            self.add(&STANDARD.encode(password), true);
        }
    }

    /// Adds a token of a token server. Only the latest of them are remembered.
    pub fn hide_token(&self, token: &str) {
        if token.len() < SHORTEST {
            return;
        }
        let form = Form { text: token.as_bytes().to_ascii_lowercase(), base64: false };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known.tokens.contains(&form) {
            known.tokens.push_back(form);
            while known.tokens.len() > TOKENS {
                known.tokens.pop_front();
            }
        }
    }

    /// Adds credentials of any kind.
    pub fn hide_credentials(&self, credentials: &Credentials) {
        match credentials {
            Credentials::Basic { username, password } => self.hide_pair(username.reveal(), password.reveal()),
            Credentials::IdentityToken(token) | Credentials::Bearer(token) => self.hide(token.reveal()),
        }
    }

    /// Adds the name and password of an address or an image name, `scheme://name:password@host` or `name:password@host`,
    /// as it stands and decoded; nothing when it has none. What the user wrote need not be an address that anyone
    /// understands.
    pub fn hide_address(&self, address: &str) {
        let Some(sign) = user_sign(address) else { return };
        let (before, _) = address.split_at(sign);
        let (has_scheme, user) = before.split_once("://").map_or((false, before), |(_, user)| (true, user));
        let Some((username, password)) = user.split_once(':') else {
            if has_scheme {
                self.hide(user);
            }
            return;
        };
        self.hide_pair(username, password);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        self.hide_pair(&decoded(username), &decoded(password));
    }

    /// The text without credentials. Doing it twice changes nothing more.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = self.without_known(text);
        clean = without_user_information(&clean);
        clean = without_web_tokens(&clean);
        for word in BEFORE_CREDENTIALS {
            // `Bearer realm=…` and `Basic realm=…` are challenges: they tell where to ask, and are no secret.
            clean = without_value_after(&clean, word, |value| !value.starts_with("realm=") && is_encoded(value));
        }
        for parameter in SECRET_PARAMETERS {
            clean = without_value_after(&clean, parameter, |_| true);
        }
        clean
    }

    fn add(&self, secret: &str, base64: bool) {
        let text = if base64 { secret.trim_end_matches('=') } else { secret };
        let form = Form { text: text.as_bytes().to_ascii_lowercase(), base64 };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = form.text.first().copied() else { return };
        if !known.secrets.contains(&form) {
            let place = known.secrets.len();
            known.secrets.push(form);
            known.by_first.entry(first).or_default().push(place);
        }
    }

    fn without_known(&self, text: &str) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.secrets.is_empty() && known.tokens.is_empty() {
            return text.to_owned();
        }
        let bytes = text.as_bytes();
        let mut clean = String::with_capacity(text.len());
        let (mut at, mut copied) = (0, 0);
        while at < bytes.len() {
            match known.longest(bytes, at) {
                Some(length) if text.is_char_boundary(at) && text.is_char_boundary(at + length) => {
                    clean.push_str(text.get(copied..at).unwrap_or_default());
                    clean.push_str(REDACTED);
                    at += length;
                    copied = at;
                }
                _ => at += 1,
            }
        }
        clean.push_str(text.get(copied..).unwrap_or_default());
        clean
    }
}

impl Known {
    /// How many bytes of `text` from `at` on are a secret.
    fn longest(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut best = None;
        let mut consider = |form: &Form| {
            if let Some(length) = form.matches(text, at) {
                best = best.max(Some(length));
            }
        };
        // What is escaped may begin with any byte.
        let first = *text.get(at)?;
        if matches!(first, b'%' | b'\\' | b'&' | b'+' | b'-' | b'_' | b'/') {
            self.secrets.iter().for_each(&mut consider);
        } else if let Some(places) = self.by_first.get(&first.to_ascii_lowercase()) {
            places.iter().filter_map(|place| self.secrets.get(*place)).for_each(&mut consider);
        }
        self.tokens.iter().for_each(&mut consider);
        best
    }
}

impl Form {
    /// The length of this secret in `text` at `from`, in whatever mixture of plain and escaped bytes it stands there.
    fn matches(&self, text: &[u8], from: usize) -> Option<usize> {
        // A secret with a `%`, `\\` or `&` in it reads differently as it is and escaped.
        [0, b'%', b'\\', b'&'].into_iter().find_map(|escape| self.matches_as(text, from, escape))
    }

    fn matches_as(&self, text: &[u8], from: usize, escape: u8) -> Option<usize> {
        let mut at = from;
        for wanted in &self.text {
            at += self.byte(text.get(at..)?, *wanted, escape)?;
        }
        let short = self.text.len() < LONG;
        let joins = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        if short && (joins(from.checked_sub(1).and_then(|before| text.get(before))) || joins(text.get(at))) {
            return None;
        }
        while self.base64 && text.get(at) == Some(&b'=') {
            at += 1;
        }
        Some(at - from)
    }

    /// How many bytes at the beginning of `text` stand for `wanted`, which is in lower case. A byte `escape` is
    /// never itself.
    fn byte(&self, text: &[u8], wanted: u8, escape: u8) -> Option<usize> {
        let found = *text.first()?;
        if found.to_ascii_lowercase() == wanted && found != escape {
            return Some(1);
        }
        let is = |byte: u8| byte.to_ascii_lowercase() == wanted;
        match found {
            b'%' => hex(text.get(1..3)?).filter(|byte| is(*byte)).map(|_| 3),
            b'+' if wanted == b' ' => Some(1),
            b'-' if self.base64 && wanted == b'+' => Some(1),
            b'_' if self.base64 && wanted == b'/' => Some(1),
            // JSON.
            b'\\' => match text.get(1)? {
                b'u' => (hex(text.get(2..4)?)? == 0 && is(hex(text.get(4..6)?)?)).then_some(6),
                escaped => is(*escaped).then_some(2),
            },
            // HTML.
            b'&' => {
                let end = text.iter().take(9).position(|byte| *byte == b';')?;
                let name = std::str::from_utf8(text.get(1..end)?).ok()?;
                let byte = match name {
                    "amp" => b'&',
                    "lt" => b'<',
                    "gt" => b'>',
                    "quot" => b'"',
                    "apos" => b'\'',
                    other => match other.strip_prefix('#')?.strip_prefix(['x', 'X']) {
                        Some(digits) => u8::from_str_radix(digits, 16).ok()?,
                        None => other.strip_prefix('#')?.parse().ok()?,
                    },
                };
                is(byte).then_some(end + 1)
            }
            _ => None,
        }
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where the user information of an address or image name ends: its last `@` that no digest follows.
fn user_sign(word: &str) -> Option<usize> {
    word.match_indices('@').map(|(at, _)| at).rfind(|at| {
        let after = word.split_at(*at).1;
        !ALGORITHMS.iter().any(|algorithm| after.strip_prefix('@').is_some_and(|after| after.starts_with(algorithm)))
    })
}

/// Blots out `user:password` in front of `@host`, with a scheme and without.
fn without_user_information(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let separates = |c: char| c.is_whitespace() || matches!(c, '"' | '`');
    for piece in text.split_inclusive(separates) {
        let word = piece.trim_end_matches(separates);
        let parts = user_sign(word).map(|sign| word.split_at(sign));
        match parts.and_then(|(before, host)| Some((before.split_at(user_information(before)?).0, host))) {
            Some((before, host)) => {
                clean.push_str(before);
                clean.push_str(REDACTED);
                clean.push_str(host);
                clean.push_str(piece.split_at(word.len()).1);
            }
            None => clean.push_str(piece),
        }
    }
    clean
}

/// Where in the text in front of an `@` the user information begins, if it is one. In doubt it is: a path that is blotted
/// out by mistake costs less than a password that is not.
fn user_information(before: &str) -> Option<usize> {
    if let Some((_, rest)) = before.split_once("://") {
        let from = before.len() - rest.len();
        // A folder, or the path of an address.
        let is_path = rest.starts_with('/') || (rest.contains(['/', '?']) && !rest.contains(':'));
        return (!is_path && !rest.is_empty() && rest != REDACTED).then_some(from);
    }
    let rest = before.trim_start_matches(|c| "([{<'=,;".contains(c));
    let is_path = rest.starts_with(['/', '.']);
    (!is_path && rest.contains(':')).then(|| before.len() - rest.len())
}

/// Blots out JSON web tokens, which all begin alike.
fn without_web_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let (before, after) = rest.split_at(at);
        clean.push_str(before);
        let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
        let (token, behind) = after.split_at(after.find(|c| !of_token(c)).unwrap_or(after.len()));
        let is_token =
            token.len() >= 20 && token.contains('.') && !before.ends_with(|c: char| c.is_ascii_alphanumeric());
        clean.push_str(if is_token { REDACTED } else { token });
        rest = behind;
    }
    clean + rest
}

/// Whether a value could be a credential: `Basic authentication` is a word of ordinary text.
fn is_encoded(value: &str) -> bool {
    let word = value.split(ends_value).next().unwrap_or(value).trim_end_matches(['.', ';', ':']);
    let mark = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || matches!(c, '+' | '/' | '=' | '.' | '_' | '-');
    word == REDACTED || word.len() >= 24 || word.contains(mark)
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '&' | ')' | '`' | '<' | '>')
}

/// Blots out what follows each `word`, which is in lower case.
fn without_value_after(text: &str, word: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    // Lower case of ASCII letters alone: both texts have their characters at the same places.
    while let Some(at) = lower.get(from..).and_then(|lower| lower.find(word)) {
        let after = from + at + word.len();
        clean.push_str(text.get(from..after).unwrap_or_default());
        let rest = text.get(after..).unwrap_or_default();
        let length = rest.find(ends_value).unwrap_or(rest.len());
        from = after;
        if length > 0 && is_secret(rest) {
            clean.push_str(REDACTED);
            from += length;
        }
    }
    clean + text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing() -> Redactor {
        let redactor = Redactor::default();
        for secret in ["s3cret", "s3cret-long", "abc"] {
            redactor.hide(secret);
        }
        redactor.hide_pair("user", "Tr0ub4dor/&\"3+");
        redactor.hide_pair("u", "p");
        redactor.hide_token("opaque.TOKEN.of-a-server");
        redactor
    }

    #[test]
    fn rows() {
        let redactor = knowing();
        let check = |text: &str, expected: &str| {
            assert_eq!(redactor.clean(text), expected, "{text}");
            assert_eq!(redactor.clean(expected), expected, "twice");
        };
        check("", "");
        check("nothing to hide", "nothing to hide");
        check("a s3cret b s3cret-long", "a [redacted] b [redacted]");
        check("s3crets are shorter than eight", "s3crets are shorter than eight");
        check("abc is too short to hide", "abc is too short to hide");
        // What was sent, as it may come back.
        check("bad login user:Tr0ub4dor/&\"3+!", "bad login [redacted]!");
        check("the password Tr0ub4dor/&\"3+ of user", "the password [redacted] of user");
        check("TR0UB4DOR/&\"3+", "[redacted]");
        check("?p=Tr0ub4dor%2F%26%223%2b&x=1", "?p=[redacted]&x=1");
        check(r#"{"m":"Tr0ub4dor\/\u0026\"3+"}"#, r#"{"m":"[redacted]"}"#);
        check("<p>Tr0ub4dor&#47;&amp;&quot;3&#x2B;</p>", "<p>[redacted]</p>");
        check("xdXNlcjpUcjB1YjRkb3IvJiIzKw==x", "x[redacted]x");
        check("dXNlcjpUcjB1YjRkb3IvJiIzKw", "[redacted]");
        check("who is u:p? not mtu:packet", "who is [redacted]? not mtu:packet");
        check("dTpw", "[redacted]");
        check("http://opaque.token.of-a-server/", "http://[redacted]/");
        // What has the shape of a secret.
        check("https://u:x@h/x http://h2/y", "https://[redacted]@h/x http://h2/y");
        check("https://token@h", "https://[redacted]@h");
        check("https://u:x@@h/", "https://[redacted]@h/");
        check("docker://me:pa/ss@h/a", "docker://[redacted]@h/a");
        check("docker://me:pa#s?s@h/a", "docker://[redacted]@h/a");
        check("`me:pw@reg.io/a:v1`: refused", "`[redacted]@reg.io/a:v1`: refused");
        check("name: \"me:pw@127.0.0.1:9/a/b:v1\"", "name: \"[redacted]@127.0.0.1:9/a/b:v1\"");
        check("(me:pw@reg.io/a@sha256:11)", "([redacted]@reg.io/a@sha256:11)");
        check("docker://quay.io/a@sha256:11", "docker://quay.io/a@sha256:11");
        check("docker://app@sha256:11=docker://h:5000/app:v1", "docker://app@sha256:11=docker://h:5000/app:v1");
        check("reg.io:5000/app:v1@sha512:11", "reg.io:5000/app:v1@sha512:11");
        check("https://h/path@x file:///home/me@work/a:b", "https://h/path@x file:///home/me@work/a:b");
        check("ask joe@example.com", "ask joe@example.com");
        check("Authorization: Bearer eyJ.x.y", "Authorization: Bearer [redacted]");
        check("authorization=\"Basic dTpw\", x", "authorization=\"Basic [redacted]\", x");
        check("Bearer realm=\"https://auth\"", "Bearer realm=\"https://auth\"");
        check("Basic authentication is needed", "Basic authentication is needed");
        check("jwt eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln.", "jwt [redacted]");
        check("https://s3/x?X-Amz-Signature=ab&X-Amz-Date=1", "https://s3/x?X-Amz-Signature=[redacted]&X-Amz-Date=1");
        check("https://r/u?_state=ab", "https://r/u?_state=[redacted]");
        check("ends with Bearer ", "ends with Bearer ");
        assert_eq!(format!("{redactor:?}"), "Redactor { secrets: 9 }");
    }

    #[test]
    fn addresses_tell_their_passwords() {
        let check = |address: &str, text: &str, expected: &str| {
            let redactor = Redactor::default();
            redactor.hide_address(address);
            assert_eq!(redactor.clean(text), expected, "{address}");
        };
        check("http://me:correct%20horse@proxy:3128", "correct horse", "[redacted]");
        check("http://me:correct%20horse@proxy:3128", "bWU6Y29ycmVjdCBob3JzZQ==", "[redacted]");
        check("docker://me:correct horse@reg.io", "me:correct horse", "[redacted]");
        check("https://only-a-token@reg.io", "only-a-token", "[redacted]");
        check("quay.io/app@sha256:11", "quay.io/app", "quay.io/app");
        check("reg.io:5000/app:v1", "reg.io:5000", "reg.io:5000");
    }

    #[test]
    fn clones_share_and_tokens_are_bounded() {
        let redactor = Redactor::default();
        redactor.clone().hide("hunter22");
        assert_eq!(redactor.clean("hunter22"), REDACTED);
        for number in 0..TOKENS + 10 {
            redactor.hide_token(&format!("token-number-{number}-"));
        }
        assert_eq!(redactor.clean("token-number-0-"), "token-number-0-");
        assert_eq!(redactor.clean("token-number-20-"), REDACTED);
    }

    proptest::proptest! {
        #[test]
        fn a_secret_never_passes(before in ".{0,20}", secret in "[ -~]{8,40}", after in ".{0,20}") {
            let redactor = Redactor::default();
            redactor.hide(&secret);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            proptest::prop_assert!(!clean.contains(&secret) || REDACTED.contains(&secret));
        }

        #[test]
        fn no_form_of_a_pair_passes(user in "[a-z]{1,8}", password in "[!-~]{8,24}", rest in ".{0,20}") {
            let redactor = Redactor::default();
            redactor.hide_pair(&user, &password);
            let pair = format!("{user}:{password}");
            let encoded = STANDARD.encode(&pair);
            let escaped = serde_json::to_string(&password).unwrap();
            let percent: String = percent_encoding::percent_encode(password.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
            for text in [&pair, &encoded, &escaped, &percent] {
                let clean = redactor.clean(&format!("{rest} {text} {rest}"));
                proptest::prop_assert!(!clean.contains(text.trim_matches('"')), "{}", clean);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in ".{0,200}") {
            knowing().clean(&text);
        }
    }
}
