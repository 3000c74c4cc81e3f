//! `urlParse` and `urlJoin`, by the rules of Go's `net/url`.

use std::fmt::Write as _;

use go_template::{Error, Function, Functions, MAP, Map, Type, Value};

use super::NIL_POINTER;
use crate::args::{map, text};

pub(super) fn add(functions: &mut Functions) {
    functions.add(
        "urlParse",
        Function::new(&[Type::String], |_, args| {
            let url =
                parse(&text(args, 0).to_str()).map_err(|error| Error::new(format!("unable to parse url: {error}")))?;
            let user = url.user.as_ref().map_or_else(String::new, User::to_text);
            Ok(Map::from_iter([
                ("scheme", url.scheme.as_str()),
                ("host", &url.host),
                ("hostname", host_name(&url.host)),
                ("path", &url.path),
                ("query", &url.query),
                ("opaque", &url.opaque),
                ("fragment", &url.fragment),
                ("userinfo", &user),
            ])
            .into())
        }),
    );
    functions.add("urlJoin", Function::new(&[MAP], |_, args| join(map(args, 0)).map(Value::from)));
}

#[derive(Debug, Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<User>,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

#[derive(Debug)]
struct User {
    name: String,
    password: Option<String>,
}

impl User {
    fn to_text(&self) -> String {
        let name = escape(&self.name, Part::User);
        match &self.password {
            Some(password) => format!("{name}:{}", escape(password, Part::User)),
            None => name,
        }
    }
}

/// Which part of a URL is escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    User,
    Fragment,
}

fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() {
        return false;
    }
    if part == Part::Host && b"!$&'()*+,;=:[]<>\"".contains(&byte) {
        return false;
    }
    match byte {
        b'-' | b'_' | b'.' | b'~' => false,
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match part {
            Part::Path => byte == b'?',
            Part::User => matches!(byte, b'@' | b'/' | b'?' | b':'),
            Part::Host => true,
            Part::Fragment => false,
        },
        b'!' | b'(' | b')' | b'*' => part != Part::Fragment,
        _ => true,
    }
}

fn escape(text: &str, part: Part) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if must_escape(byte, part) {
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

fn quoted(text: &str) -> String {
    go_template::quote(text.as_bytes())
}

fn unescape(text: &str, part: Part) -> Result<String, String> {
    let mut rest = text.as_bytes();
    let mut out = Vec::new();
    while let Some((&byte, behind)) = rest.split_first() {
        if byte == b'%' {
            let escape = String::from_utf8_lossy(rest.get(..3).unwrap_or(rest));
            let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
            let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                return Err(format!("invalid URL escape {}", quoted(&escape)));
            };
            if part == Part::Host && high < 8 && escape != "%25" {
                return Err(format!("invalid URL escape {}", quoted(&escape)));
            }
            out.push(u8::try_from(high * 16 + low).expect("two digits"));
            rest = behind.get(2..).unwrap_or_default();
            continue;
        }
        if part == Part::Host && byte < 0x80 && must_escape(byte, part) {
            let character = char::from(byte).to_string();
            return Err(format!("invalid character {} in host name", quoted(&character)));
        }
        out.push(byte);
        rest = behind;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn parse(text: &str) -> Result<Url, String> {
    let (main, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut url = parse_main(main).map_err(|error| format!("parse {}: {error}", quoted(main)))?;
    url.fragment = unescape(fragment, Part::Fragment).map_err(|error| format!("parse {}: {error}", quoted(text)))?;
    Ok(url)
}

fn parse_main(text: &str) -> Result<Url, String> {
    let mut url = Url::default();
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7F) {
        return Err("net/url: invalid control character in URL".into());
    }
    if text == "*" {
        "*".clone_into(&mut url.path);
        return Ok(url);
    }
    let (scheme, mut rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    if let Some((before, query)) = rest.split_once('?') {
        rest = before;
        query.clone_into(&mut url.query);
    }
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    if let Some(behind) = rest.strip_prefix("//").filter(|behind| !url.scheme.is_empty() || !behind.starts_with('/')) {
        let end = behind.find('/').unwrap_or(behind.len());
        let (authority, path) = behind.split_at_checked(end).unwrap_or((behind, ""));
        rest = path;
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        url.host = parse_host(host)?;
        if let Some(user) = user {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
            if !user.bytes().all(fine) {
                return Err("net/url: invalid userinfo".into());
            }
            url.user = Some(match user.split_once(':') {
                Some((name, password)) => {
                    User { name: unescape(name, Part::User)?, password: Some(unescape(password, Part::User)?) }
                }
                None => User { name: unescape(user, Part::User)?, password: None },
            });
        }
    }
    url.path = unescape(rest, Part::Path)?;
    Ok(url)
}

/// The scheme, and what follows.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok(text.split_once(':').unwrap_or(("", text))),
            _ => break,
        }
    }
    Ok(("", text))
}

fn parse_host(host: &str) -> Result<String, String> {
    let port = if host.starts_with('[') {
        let Some((_, port)) = host.rsplit_once(']') else { return Err("missing ']' in host".into()) };
        port
    } else {
        host.rfind(':').and_then(|index| host.get(index..)).unwrap_or_default()
    };
    let fine = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    if !fine {
        return Err(format!("invalid port {} after host", quoted(port)));
    }
    unescape(host, Part::Host)
}

/// The host without its port and without brackets.
fn host_name(host: &str) -> &str {
    let with_port = host.rsplit_once(':').filter(|(name, port)| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && (!host.starts_with('[') || name.ends_with(']'))
    });
    let name = with_port.map_or(host, |(name, _)| name);
    name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name)
}

fn join(parts: &Map) -> Result<String, Error> {
    let part = |key: &str| match parts.get(key) {
        None => Ok(String::new()),
        Some(Value::Nil) => Err(Error::new(NIL_POINTER)),
        Some(value) => value.as_text().map(|text| text.to_string()).ok_or_else(|| {
            let kind = value.kind().name();
            Error::new(format!("unable to parse {key} key, must be of type string, but {kind} found"))
        }),
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let userinfo = part("userinfo")?;
    let user = if userinfo.is_empty() {
        None
    } else {
        parse(&format!("proto://{userinfo}@host"))
            .map_err(|error| Error::new(format!("unable to parse userinfo in dict: {error}")))?
            .user
    };
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&scheme);
        out.push(':');
    }
    if opaque.is_empty() {
        if !scheme.is_empty() || !host.is_empty() || user.is_some() {
            if !host.is_empty() || !path.is_empty() || user.is_some() {
                out.push_str("//");
            }
            if let Some(user) = &user {
                out.push_str(&user.to_text());
                out.push('@');
            }
            out.push_str(&escape(&host, Part::Host));
        }
        let path = if path == "*" { path } else { escape(&path, Part::Path) };
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            out.push_str("./");
        }
        out.push_str(&path);
    } else {
        out.push_str(&opaque);
    }
    if !query.is_empty() {
        out.push('?');
        out.push_str(&query);
    }
    if !fragment.is_empty() {
        out.push('#');
        out.push_str(&escape(&fragment, Part::Fragment));
    }
    Ok(out)
}
