//! A letter's bytes as they go over the wire: dots doubled (RFC 5321 §4.5.2) and the final dot in the same write.
//!
//! lettre writes the final dot by itself. Sent as one command instead, a letter is one write, one segment on most networks,
//! and cannot be cut just before its end by anything but the network.

use std::fmt;

/// A 7-bit letter with its end mark.
pub(super) struct Content<'a>(pub(super) &'a str);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Line by line with every kind of line end made CRLF: a bare LF or CR before a dot is how mail is smuggled.
        let mut rest = self.0;
        while !rest.is_empty() {
            let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
            f.write_str("\r\n")?;
            rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\r', '\n'])).unwrap_or(after);
        }
        f.write_str(".\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_line_ends() {
        for (text, expect) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n.\r\n"),
        ] {
            assert_eq!(Content(text).to_string(), expect, "{text:?}");
        }
    }
}
