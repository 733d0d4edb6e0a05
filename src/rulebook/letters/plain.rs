//! The text part of a letter that has only HTML: what is to be read, with the links in it.

use html2text::config;
use html2text::render::TextDecorator;

/// Columns of a line (RFC 5322 §2.1.1 asks for 78 at most).
const WIDTH: usize = 76;
/// Wider than anything that is laid out: lines are broken here, where addresses of links stay whole.
const ENDLESS: usize = 20_000;

/// The HTML as text. Tables that only lay out are read cell by cell.
pub(super) fn text(html: &str) -> String {
    let config = config::with_decorator(Plain::default()).raw_mode(true).no_link_wrapping().link_footnotes(false);
    // What is nested too deep or too narrow to be laid out is not worth failing a letter for: the HTML is there.
    let text = config.allow_width_overflow().string_from_read(html.as_bytes(), ENDLESS).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 && !(line.is_empty() && out.is_empty()) {
            wrap(line, &mut out);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Breaks a line at its spaces; what has none, such as the address of a link, stays in one piece.
fn wrap(line: &str, out: &mut String) {
    let indent = line.len() - line.trim_start_matches([' ', '>', '-']).len();
    let (lead, words) = line.split_at(indent);
    out.push_str(lead);
    let mut column = indent;
    for (n, word) in words.split(' ').enumerate() {
        let length = word.chars().count();
        if n > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            // A quotation stays one; under a point of a list the text goes on beneath the text.
            out.push_str(&lead.replace('-', " "));
            column = indent;
        } else if n > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
}

/// Links show their address behind their text, pictures their description; nothing else is marked.
#[derive(Clone, Debug, Default)]
struct Plain {
    link: Option<String>,
}

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.link = Some(url.to_owned()).filter(|url| !url.is_empty() && !url.starts_with('#'));
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        self.link.take().map(|url| format!(": {url}")).unwrap_or_default()
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _: &str, title: &str) -> (String, ()) {
        (title.to_owned(), ())
    }

    fn header_prefix(&self, _: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_addresses_stay_whole() {
        let url = format!("https://shop.example/u/{}", "a-b".repeat(60));
        let words = "word ".repeat(30);
        let html = format!(
            "<p>{words}</p><ul><li>{words}</li></ul><blockquote>{words}</blockquote><p><a href=\"{url}\">out</a></p>"
        );
        let text = text(&html);
        assert!(text.contains(&format!("out:\n{url}\n")), "{text}");
        for line in text.lines().filter(|line| !line.starts_with("https:")) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(text.contains("\n- word word") && text.contains("\n  word") && text.contains("\n> word"), "{text}");
    }
}
