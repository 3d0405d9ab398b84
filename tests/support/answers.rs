//! What a client makes of the bytes that it gets: a reader of answers that shares no code with the
//! server.

/// An answer, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a field, by its case-insensitive name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        assert!(
            self.fields.iter().filter(named).count() <= 1,
            "{name} twice"
        );
        self.fields
            .iter()
            .find(named)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn closes(&self) -> bool {
        self.field("Connection") == Some("close")
    }
}

/// Takes apart a stream of answers; `head_only(n)` says whether the n-th final one is to HEAD.
///
/// # Panics
///
/// If the stream ends inside an answer, or there are bytes between two.
pub fn read_answers(mut bytes: &[u8], head_only: impl Fn(usize) -> bool) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    while !bytes.is_empty() {
        let finals = answers.iter().filter(|answer| answer.status >= 200).count();
        let (answer, rest) = read_answer(bytes, head_only(finals));
        answers.push(answer);
        bytes = rest;
    }
    answers
}

fn read_answer(bytes: &[u8], head_only: bool) -> (Answer, &[u8]) {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("an answer's head does not end: {shown}"));
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap();
    let status = status_line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .unwrap_or_else(|| panic!("no status line: {shown}"));
    let fields: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").expect("a field line");
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let mut answer = Answer {
        status,
        fields,
        body: Vec::new(),
    };
    let rest = &bytes[end + 4..];
    let bodiless = head_only || status < 200 || status == 204 || status == 304;
    let length = match answer.field("Content-Length") {
        _ if bodiless => 0,
        Some(digits) => digits.parse().unwrap(),
        None if answer.field("Transfer-Encoding") == Some("chunked") => {
            let (body, rest) = read_chunks(rest);
            answer.body = body;
            return (answer, rest);
        }
        // To HTTP/1.0: all that follows.
        None if answer.closes() => rest.len(),
        None => panic!("no Content-Length: {shown}"),
    };
    assert!(
        rest.len() >= length,
        "an answer's body is cut short: {shown}"
    );
    answer.body = rest[..length].to_vec();
    (answer, &rest[length..])
}

/// The data of all chunks, and what follows the last one and its trailer section.
fn read_chunks(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    fn line(bytes: &[u8]) -> (&str, &[u8]) {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n");
        let end = end.expect("a line of a chunked body");
        (
            std::str::from_utf8(&bytes[..end]).unwrap(),
            &bytes[end + 2..],
        )
    }
    let mut body = Vec::new();
    loop {
        let (size, data) = line(rest);
        assert!(
            !size.starts_with('0') || size == "0",
            "zeros before a size: {size}"
        );
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            rest = data;
            break;
        }
        body.extend(&data[..size]);
        assert_eq!(&data[size..size + 2], b"\r\n");
        rest = &data[size + 2..];
    }
    loop {
        let (field, behind) = line(rest);
        rest = behind;
        if field.is_empty() {
            return (body, rest);
        }
    }
}
