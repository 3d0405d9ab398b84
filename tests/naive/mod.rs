//! The parser once more, written straight from the grammar: it splits, copies and looks at
//! everything as often as it likes. It knows no limits and wants the whole head at once.
#![allow(dead_code)] // The tests and each fuzz target use a part of it.

pub(crate) mod actual;

use std::net::Ipv6Addr;

use barewire::http::parse::{Expectation, Framing};
use barewire::http::{Method, Version};

/// What a head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) version: Version,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) framing: Framing,
    pub(crate) expectation: Expectation,
    pub(crate) keep_alive: bool,
    pub(crate) bytes: usize,
}

/// A head, or the status of its refusal.
pub(crate) type Verdict = Result<Head, u16>;

/// Parses an input that has CRLF CRLF somewhere behind its first two bytes.
pub(crate) fn head(input: &[u8]) -> Verdict {
    let start = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let text = &input[start..];
    let end = find(text, b"\r\n\r\n").ok_or(400_u16)?;
    let mut lines = split(&text[..end], b"\r\n").into_iter();
    let (method, (path, query), minor) = request_line(&lines.next().ok_or(400_u16)?)?;
    let version = match minor {
        0 => Version::Http10,
        _ => Version::Http11,
    };
    let fields: Vec<_> = lines
        .map(|line| field_line(&line))
        .collect::<Option<_>>()
        .ok_or(400_u16)?;
    check_host(&values(&fields, "host"), version)?;
    Ok(Head {
        method,
        path,
        query,
        version,
        framing: framing(&fields, version)?,
        expectation: expectation(&fields, version),
        keep_alive: keep_alive(&fields, version),
        fields,
        bytes: start + end + 4,
    })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn split(text: &[u8], at: &[u8]) -> Vec<Vec<u8>> {
    match find(text, at) {
        None => vec![text.to_vec()],
        Some(position) => {
            let mut pieces = vec![text[..position].to_vec()];
            pieces.extend(split(&text[position + at.len()..], at));
            pieces
        }
    }
}

pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_tchar)
}

/// Path and query.
type Target = (String, Option<String>);

/// request-line = method SP request-target SP HTTP-version
fn request_line(line: &[u8]) -> Result<(Method, Target, u8), u16> {
    let parts: Vec<_> = line.splitn(3, |&byte| byte == b' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(400);
    };
    let is_allowed = |byte: &u8| (0x21..0x7F).contains(byte) && !b"#<>".contains(byte);
    if !is_token(method) || target.is_empty() || !target.iter().all(is_allowed) {
        return Err(400);
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (token, target) = (text(method), text(target));
    let form = target_form(Method::from_token(&token), &target).ok_or(400_u16);
    // The preface of HTTP/2 is judged by its version.
    if token != "PRI" || target != "*" {
        form.clone()?;
    }
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'0' | b'2'..=b'9', ..] => Err(505),
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            minor @ b'0'..=b'9',
        ] => Ok((Method::from_token(&token), form?, minor - b'0')),
        _ => Err(400),
    }
}

/// request-target = origin-form / absolute-form / authority-form / asterisk-form
fn target_form(method: Method, target: &str) -> Option<Target> {
    let cut = |target: &str| match target.find('?') {
        Some(at) => (target[..at].to_owned(), Some(target[at + 1..].to_owned())),
        None => (target.to_owned(), None),
    };
    let is_decodable = |path: &str| {
        let octets = path.split('%').skip(1).map(|after| after.chars().take(2));
        octets.map(String::from_iter).all(|octet: String| {
            let is_hex = octet.len() == 2 && octet.chars().all(|c| c.is_ascii_hexdigit());
            is_hex && octet != "00"
        })
    };
    if method == Method::Connect {
        let (host, port) = target.rsplit_once(':')?;
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        return (!host.is_empty() && is_host(host) && is_port).then(|| (target.to_owned(), None));
    }
    if target == "*" {
        return (method == Method::Options).then(|| cut(target));
    }
    if target.starts_with('/') {
        return Some(cut(target)).filter(|(path, _)| is_decodable(path));
    }
    let lower = target.to_ascii_lowercase();
    if !lower.starts_with("http://") {
        return None;
    }
    let rest = &target["http://".len()..];
    let authority: String = rest.chars().take_while(|&c| c != '/' && c != '?').collect();
    if !is_host_and_port(&authority) || authority.is_empty() || authority.starts_with(':') {
        return None;
    }
    let (path, query) = cut(&rest[authority.len()..]);
    is_decodable(&path).then(|| match (path.as_str(), query.is_some(), method) {
        ("", false, Method::Options) => ("*".to_owned(), None),
        ("", _, _) => ("/".to_owned(), query),
        _ => (path, query),
    })
}

/// uri-host [ ":" port ]
fn is_host_and_port(text: &str) -> bool {
    let is_digits = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text.is_empty() || text.parse::<u16>().is_ok())
    };
    is_host(text)
        || text
            .rsplit_once(':')
            .is_some_and(|(host, port)| is_host(host) && is_digits(port))
}

/// IP-literal / reg-name
fn is_host(text: &str) -> bool {
    if let Some(literal) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return literal.parse::<Ipv6Addr>().is_ok();
    }
    let mut pieces = text.split('%');
    let is_plain = |text: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+;=".contains(c);
        text.chars().all(is_allowed)
    };
    let is_encoded = |text: &str| {
        let is_hex = |c: char| c.is_ascii_hexdigit();
        text.chars().take(2).filter(|&c| is_hex(c)).count() == 2 && is_plain(text)
    };
    is_plain(pieces.next().unwrap()) && pieces.all(is_encoded)
}

/// field-line = field-name ":" OWS field-value OWS
fn field_line(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_allowed = |&byte: &u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7F);
    if !is_token(name) || !value.iter().all(is_allowed) {
        return None;
    }
    let mut value = value.to_vec();
    while value.first().is_some_and(|byte| b" \t".contains(byte)) {
        value.remove(0);
    }
    while value.last().is_some_and(|byte| b" \t".contains(byte)) {
        value.pop();
    }
    Some((String::from_utf8(name.to_vec()).unwrap(), value))
}

fn values(fields: &[(String, Vec<u8>)], name: &str) -> Vec<Vec<u8>> {
    let named = fields
        .iter()
        .filter(|(known, _)| known.to_ascii_lowercase() == name);
    named.map(|(_, value)| value.clone()).collect()
}

/// The elements of a list over all lines, in lower case and without white space around them.
fn list(fields: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    let lines = values(fields, name);
    let text = |element: Vec<u8>| String::from_utf8_lossy(&element).to_ascii_lowercase();
    let elements = lines.iter().flat_map(|line| split(line, b","));
    elements
        .map(|element| text(element).trim_matches([' ', '\t']).to_owned())
        .collect()
}

fn check_host(hosts: &[Vec<u8>], version: Version) -> Result<(), u16> {
    match hosts {
        [] if version == Version::Http10 => Ok(()),
        [host] if str::from_utf8(host).is_ok_and(is_host_and_port) => Ok(()),
        _ => Err(400),
    }
}

fn framing(fields: &[(String, Vec<u8>)], version: Version) -> Result<Framing, u16> {
    let lengths = values(fields, "content-length");
    if values(fields, "transfer-encoding").is_empty() {
        return match &lengths[..] {
            [] => Ok(Framing::None),
            [length] if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
                let length = String::from_utf8(length.clone()).unwrap();
                length.parse().map(Framing::Length).map_err(|_| 400)
            }
            _ => Err(400),
        };
    }
    let codings = list(fields, "transfer-encoding");
    let names: Vec<_> = codings
        .iter()
        .map(|coding| coding.split(';').next().unwrap())
        .collect();
    let names: Vec<_> = names
        .iter()
        .map(|name| name.trim_matches([' ', '\t']))
        .collect();
    let chunked = codings.iter().filter(|coding| *coding == "chunked").count();
    if version == Version::Http10
        || !lengths.is_empty()
        || !names.iter().all(|name| is_token(name.as_bytes()))
        || chunked != 1
        || codings.last().unwrap() != "chunked"
    {
        return Err(400);
    }
    match codings.len() {
        1 => Ok(Framing::Chunked),
        _ => Err(501),
    }
}

fn expectation(fields: &[(String, Vec<u8>)], version: Version) -> Expectation {
    let elements = list(fields, "expect");
    let elements: Vec<_> = elements
        .iter()
        .filter(|element| !element.is_empty())
        .collect();
    match version {
        Version::Http11 if elements.is_empty() => Expectation::None,
        Version::Http11 if elements.iter().all(|element| *element == "100-continue") => {
            Expectation::Continue
        }
        Version::Http11 => Expectation::Unknown,
        Version::Http10 => Expectation::None,
    }
}

fn keep_alive(fields: &[(String, Vec<u8>)], version: Version) -> bool {
    let options = list(fields, "connection");
    let has = |option: &str| options.iter().any(|known| known == option);
    !has("close") && (version == Version::Http11 || has("keep-alive"))
}

/// The body at the beginning of `input`, and how much of the input it takes; `None` if `input` does
/// not begin with a complete and valid chunked-body.
pub(crate) fn chunked(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut rest = input;
    loop {
        let (line, after) = crlf_line(rest)?;
        let size = chunk_line(line)?;
        rest = after;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        body.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, after) = crlf_line(rest)?;
        rest = after;
        if line.is_empty() {
            return Some((body, input.len() - rest.len()));
        }
        field_line(line)?;
    }
}

fn crlf_line(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(input, b"\r\n")?;
    Some((&input[..end], &input[end + 2..]))
}

/// chunk-size [ chunk-ext ]
fn chunk_line(line: &[u8]) -> Option<u64> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (size, mut rest) = line.split_at(digits);
    while !rest.is_empty() {
        rest = chunk_extension(rest)?;
    }
    u64::from_str_radix(str::from_utf8(size).ok()?, 16).ok()
}

/// BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ]; returns what follows.
fn chunk_extension(text: &[u8]) -> Option<&[u8]> {
    let text = white_space(text).strip_prefix(b";")?;
    let after_name = token(white_space(text))?;
    match white_space(after_name).strip_prefix(b"=") {
        None => Some(after_name),
        Some(value) => match white_space(value).strip_prefix(b"\"") {
            None => token(white_space(value)),
            Some(quoted) => quoted_string(quoted),
        },
    }
}

fn white_space(text: &[u8]) -> &[u8] {
    let bytes = text.iter().take_while(|byte| b" \t".contains(byte)).count();
    &text[bytes..]
}

fn token(text: &[u8]) -> Option<&[u8]> {
    let bytes = text.iter().take_while(|byte| is_token(&[**byte])).count();
    (bytes > 0).then(|| &text[bytes..])
}

/// Behind the opening quote; returns what follows the closing one.
fn quoted_string(text: &[u8]) -> Option<&[u8]> {
    let is_text = |byte: u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7F);
    match text {
        [b'"', after @ ..] => Some(after),
        [b'\\', byte, after @ ..] if is_text(*byte) => quoted_string(after),
        [byte, after @ ..] if *byte != b'\\' && is_text(*byte) => quoted_string(after),
        _ => None,
    }
}

/// Percent-decoding, octet by octet.
pub(crate) fn percent_decode(raw: &str) -> Vec<u8> {
    let bytes = raw.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).unwrap_or_default();
        if bytes[at] == b'%' && digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit) {
            let digits = str::from_utf8(digits).unwrap();
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    decoded
}
