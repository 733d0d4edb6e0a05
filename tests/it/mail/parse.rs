//! A small reader of letters for the tests, written from the RFCs and not from the code under test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A letter or one of its parts.
#[derive(Debug)]
pub struct Part {
    /// Fields in order, unfolded, as they stand.
    pub fields: Vec<(String, String)>,
    /// The body as it stands.
    pub body: Vec<u8>,
}

impl Part {
    /// Reads a letter; fields that are none are kept with an empty name so that tests see them.
    pub fn read(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let field = |line: &str| match line.split_once(':') {
            Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
            None => (String::new(), line.to_owned()),
        };
        Self { fields: unfolded.split("\r\n").map(field).collect(), body: body.as_bytes().to_vec() }
    }

    /// The names of the fields in order.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The parts of a multipart.
    pub fn parts(&self) -> Vec<Self> {
        let kind = self.get("Content-Type").unwrap();
        let boundary = kind.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
        let text = std::str::from_utf8(&self.body).unwrap();
        let (inner, _) = text.split_once(&format!("--{boundary}--")).expect("a closing boundary");
        inner.split(&format!("--{boundary}\r\n")).skip(1).map(|part| Self::read(part.as_bytes())).collect()
    }

    /// The body decoded, with `\n` line ends and without the last.
    pub fn text(&self) -> String {
        let body = std::str::from_utf8(&self.body).unwrap();
        let bytes = match self.get("Content-Transfer-Encoding").unwrap() {
            "7bit" => body.as_bytes().to_vec(),
            "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
            "quoted-printable" => quoted(&body.replace("=\r\n", "")),
            other => panic!("{other}"),
        };
        let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        text.trim_end_matches('\n').to_owned()
    }
}

/// A field's value with its encoded words decoded (RFC 2047 §6.2: blanks between two of them vanish).
pub fn words(value: &str) -> String {
    let mut out = Vec::new();
    let mut after_encoded = false;
    for word in value.split(' ') {
        let encoded = encoded_word(word);
        let joined = encoded.is_some() && after_encoded;
        if !out.is_empty() && !joined {
            out.push(b' ');
        }
        after_encoded = encoded.is_some();
        out.extend(encoded.unwrap_or_else(|| word.as_bytes().to_vec()));
    }
    String::from_utf8(out).unwrap()
}

fn encoded_word(word: &str) -> Option<Vec<u8>> {
    let inner = word.strip_prefix("=?utf-8?")?.strip_suffix("?=")?;
    assert!(word.len() <= 75, "an encoded word of {} characters", word.len());
    let bytes = match inner.split_at(2) {
        ("b?", text) => STANDARD.decode(text).unwrap(),
        ("q?", text) => quoted(&text.replace('_', " ")),
        (other, _) => panic!("{other}"),
    };
    std::str::from_utf8(&bytes).expect("each encoded word holds whole characters");
    Some(bytes)
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'=' {
            out.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}

/// What must hold of every letter's bytes.
pub fn is_fit_for_smtp(raw: &[u8]) {
    assert!(raw.is_ascii());
    assert!(raw.ends_with(b"\r\n"));
    let text = std::str::from_utf8(raw).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "a bare line end or NUL");
    for line in text.split("\r\n") {
        assert!(line.len() <= 998, "a line of {} octets", line.len());
    }
}
