//! The form in which a letter is signed: `relaxed` of RFC 6376 §3.4, so that what relays do to white space breaks nothing.

/// Where the head of a letter ends, its empty line included.
pub(super) fn end_of_head(letter: &[u8]) -> usize {
    letter.windows(4).position(|window| window == b"\r\n\r\n").map_or(letter.len(), |at| at + 4)
}

/// The fields of a head, name and value; a value still has its folds and not its last line end.
pub(super) fn fields(head: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    let mut rest = head;
    while !rest.is_empty() && !rest.starts_with(b"\r\n") {
        let end = end_of_field(rest);
        let field = rest[..end].strip_suffix(b"\r\n").unwrap_or(&rest[..end]);
        if let Some(colon) = field.iter().position(|byte| *byte == b':') {
            found.push((&field[..colon], &field[colon + 1..]));
        }
        rest = &rest[end..];
    }
    found
}

/// A line that begins with white space goes on with the field before it.
fn end_of_field(text: &[u8]) -> usize {
    let ends = text.windows(2).enumerate().filter(|(_, window)| window == b"\r\n").map(|(at, _)| at + 2);
    for end in ends {
        if !text.get(end).is_some_and(|next| is_blank(*next)) {
            return end;
        }
    }
    text.len()
}

/// A field in its signed form, without a line end (§3.4.2).
pub(super) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend(name.iter().filter(|byte| !is_blank(**byte)).map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    let mut blank = false;
    for byte in value.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        if is_blank(*byte) {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) && out.len() > start {
            out.push(b' ');
        }
        out.push(*byte);
    }
}

/// A body in its signed form (§3.4.4).
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 2);
    // Where the last line that is not empty ends.
    let mut end = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        let line = without_end(line);
        // Most lines are as they are to be.
        if line.contains(&b'\t') || line.windows(2).any(|pair| pair == b"  ") {
            let mut blank = false;
            for byte in line {
                if !is_blank(*byte) {
                    out.push(*byte);
                } else if !blank {
                    out.push(b' ');
                }
                blank = is_blank(*byte);
            }
        } else {
            out.extend_from_slice(line);
        }
        out.extend_from_slice(b"\r\n");
        if !line.is_empty() {
            end = out.len();
        }
    }
    out.truncate(end);
    out
}

fn without_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |at| at + 1);
    &line[..end]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn the_example_of_rfc_6376() {
        // §3.4.5
        let letter = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let end = end_of_head(letter);
        let mut head = Vec::new();
        for (name, value) in fields(&letter[..end]) {
            field(&mut head, name, value);
            head.extend_from_slice(b"\r\n");
        }
        assert_eq!(String::from_utf8_lossy(&head), "a:X\r\nb:Y Z\r\n");
        assert_eq!(String::from_utf8_lossy(&body(&letter[end..])), " C\r\nD E\r\n");
    }

    #[test]
    fn the_body_of_rfc_8463() {
        // Appendix A.2
        let text = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        let hash = STANDARD.encode(digest(&SHA256, &body(text)));
        assert_eq!(hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    }

    #[test]
    fn bodies() {
        for (text, expect) in [
            ("", ""),
            ("\r\n\r\n", ""),
            ("a", "a\r\n"),
            ("a\r\n\r\n", "a\r\n"),
            ("a\t\r\n", "a\r\n"),
            ("a\tb\r\n", "a b\r\n"),
            ("\ta\r\n", " a\r\n"),
            ("a  b \t c\r\n \r\n", "a b c\r\n"),
            ("\r\na\r\n", "\r\na\r\n"),
        ] {
            assert_eq!(String::from_utf8_lossy(&body(text.as_bytes())), expect, "{text:?}");
        }
    }
}
