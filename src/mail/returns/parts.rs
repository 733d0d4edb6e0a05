//! A mail taken apart, as far as reading what comes back needs it.

use std::borrow::Cow;

use mail_parser::{Header, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

/// Mail inside mail is followed so far and no further.
const MAX_DEPTH: usize = 6;
/// Most parts that are looked at.
const MAX_PARTS: usize = 200;
/// Most of a text that is searched for phrases, codes and addresses.
const MAX_TEXT: usize = 64 * 1024;

/// A parsed mail.
pub(super) struct Mail<'a> {
    message: Message<'a>,
}

/// One part of a mail, or of a mail inside it.
pub(super) struct Part<'m> {
    /// `text/plain`, in lower case.
    pub(super) kind: String,
    /// Its content, decoded.
    pub(super) content: Cow<'m, str>,
}

impl<'a> Mail<'a> {
    /// `None` if there is not even a header.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let message = MessageParser::default().parse(bytes)?;
        (!message.parts.is_empty() && !message.headers().is_empty()).then_some(Self { message })
    }

    /// A field of the head as it was written, unfolded; the first if there are several.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        self.fields(name).into_iter().next()
    }

    /// Every field of that name.
    pub(super) fn fields(&self, name: &str) -> Vec<String> {
        let of = |header: &&Header<'_>| header.name.as_str().eq_ignore_ascii_case(name);
        self.message.headers().iter().filter(of).filter_map(|header| raw(&self.message, header)).collect()
    }

    /// The subject in plain characters.
    pub(super) fn subject(&self) -> &str {
        self.message.subject().unwrap_or_default()
    }

    /// The address that it says it is from, in lower case.
    pub(super) fn from(&self) -> Option<String> {
        let address = self.message.from()?.first()?.address.as_ref()?;
        Some(address.trim().to_lowercase())
    }

    /// Where answers are wanted, else whom it is from, with the name.
    pub(super) fn author(&self) -> Option<(Option<String>, String)> {
        let of = |address: Option<&mail_parser::Address<'_>>| {
            let first = address?.first()?;
            Some((first.name.as_ref().map(ToString::to_string), first.address.as_ref()?.trim().to_owned()))
        };
        of(self.message.reply_to()).or_else(|| of(self.message.from()))
    }

    /// The addresses that it was delivered to by its head, the most certain first.
    pub(super) fn recipients(&self) -> Vec<String> {
        const FIELDS: [&str; 8] =
            ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-RCPT-To", "Apparently-To", "To", "Cc"];
        FIELDS.iter().flat_map(|name| self.fields(name)).flat_map(|field| addresses(&field)).collect()
    }

    /// The Message-IDs that it answers, the nearest first, without brackets.
    pub(super) fn answers(&self) -> Vec<String> {
        let references = self.field("References").map(|field| ids(&field)).unwrap_or_default();
        let nearest = self.field("In-Reply-To").map(|field| ids(&field)).unwrap_or_default();
        nearest.into_iter().chain(references.into_iter().rev()).collect()
    }

    /// A parameter of `Content-Type`, in lower case.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let kind = self.message.content_type()?;
        kind.attribute(name).map(str::to_lowercase)
    }

    /// The parsed mail.
    pub(super) fn message(&self) -> &Message<'a> {
        &self.message
    }

    /// Every part but the containers, those of mails inside it as well.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let mut found = Vec::new();
        walk(&self.message, 0, &mut found);
        found
    }

    /// The Message-ID of each mail inside it, the outermost first.
    pub(super) fn inner_ids(&self) -> Vec<String> {
        let mut found = Vec::new();
        inner(&self.message, 0, &mut |message| {
            found.extend(message.message_id().map(str::to_owned));
        });
        found
    }

    /// A field of the first mail inside it that has one.
    pub(super) fn inner_field(&self, name: &str) -> Option<String> {
        let mut found = None;
        inner(&self.message, 0, &mut |message| {
            if found.is_none() {
                let header = message.headers().iter().find(|header| header.name.as_str().eq_ignore_ascii_case(name));
                found = header.and_then(|header| raw(message, header));
            }
        });
        found
    }

    /// What a person reads: plain text, or what is left of HTML, of the mail itself and not of those inside it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.message.parts {
            match &part.body {
                PartType::Text(said) if is_prose(part) => text.push_str(said),
                PartType::Html(html) => text.push_str(&mail_parser::decoders::html::html_to_text(html)),
                _ => continue,
            }
            text.push('\n');
            if text.len() > MAX_TEXT {
                break;
            }
        }
        if text.trim().is_empty() {
            // Parts that can't be told apart: what stands below the head.
            let body = self.message.root_part().raw_body_offset() as usize;
            let rest = self.message.raw_message.get(body..).unwrap_or_default();
            text = String::from_utf8_lossy(&rest[..rest.len().min(MAX_TEXT)]).into_owned();
        }
        cut(&text).to_owned()
    }
}

fn is_prose(part: &MessagePart<'_>) -> bool {
    let Some(kind) = part.content_type() else { return true };
    kind.ctype().eq_ignore_ascii_case("text")
        && kind.subtype().is_none_or(|sub| !sub.eq_ignore_ascii_case("rfc822-headers"))
}

fn walk<'m>(message: &'m Message<'_>, depth: usize, found: &mut Vec<Part<'m>>) {
    for part in &message.parts {
        if found.len() >= MAX_PARTS {
            return;
        }
        let kind = part.content_type().map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase(),
        );
        let content = match &part.body {
            PartType::Text(text) | PartType::Html(text) => Cow::Borrowed(text.as_ref()),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes),
            PartType::Multipart(_) => continue,
            PartType::Message(inner) => {
                found.push(Part { kind, content: Cow::Borrowed("") });
                if depth < MAX_DEPTH {
                    walk(inner, depth + 1, found);
                }
                continue;
            }
        };
        found.push(Part { kind, content });
    }
}

fn inner<'m, 'x>(message: &'m Message<'x>, depth: usize, visit: &mut impl FnMut(&'m Message<'x>)) {
    if depth >= MAX_DEPTH {
        return;
    }
    for part in message.parts.iter().take(MAX_PARTS) {
        if let PartType::Message(inside) = &part.body {
            visit(inside);
            inner(inside, depth + 1, visit);
        }
    }
}

/// A field as it was written, on one line: what it says is looked for, not shown.
fn raw(message: &Message<'_>, header: &Header<'_>) -> Option<String> {
    let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize)?;
    Some(String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The beginning of a text, whole characters.
pub(super) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Everything in a text that looks like an address, in lower case.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let part_of = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c);
    text.split(|c: char| !part_of(c))
        .map(|word| word.trim_matches(|c: char| ".'=/".contains(c)))
        .filter(|word| {
            word.rsplit_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !local.contains('@') && domain.contains('.') && !domain.starts_with('.')
            })
        })
        .map(str::to_lowercase)
        .collect()
}

/// The Message-IDs of a field, without brackets.
pub(super) fn ids(field: &str) -> Vec<String> {
    let inside = field.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(id, _)| id.trim());
    inside.filter(|id| id.contains('@') && id.len() <= 300).map(str::to_owned).collect()
}
