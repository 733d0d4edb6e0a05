//! An e-mail address that mail can go to, parsed once.
//!
//! Invariants: its domain is a host name (an internationalised one as A-labels); its local part is a dot-atom (RFC 5321 §4.1.2),
//! which may have characters outside ASCII (RFC 6531 §3.3), so no quoting, space, angle bracket or control character can appear
//! in an SMTP command or a header. An address that is not ASCII goes only to relays that offer SMTPUTF8.
//! Quoted local parts and address literals are refused: no customer has one, and both have been used to smuggle.

use std::fmt;
use std::str::FromStr;

/// Most octets of a local part (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Most octets of an address that fits a path (RFC 5321 §4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
const MAX_LABEL: usize = 63;

/// An address in the form in which it goes into SMTP commands and headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

/// Why a text is not an address that mail can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing before, or nothing after, an `@`.
    #[error("an address needs a name and a domain with `@` between them")]
    Incomplete,
    /// A name with characters outside ASCII where there must be none: in an address of our own, say.
    #[error("the part before the `@` has characters outside ASCII")]
    NonAsciiLocalPart,
    /// A name that is not a dot-atom.
    #[error("the part before the `@` is not a valid name")]
    LocalPart,
    /// A domain that is not a host name.
    #[error("the part after the `@` is not a valid domain")]
    Domain,
    /// Longer than an SMTP path may be.
    #[error("the address is longer than {MAX_ADDRESS} characters")]
    TooLong,
}

impl Address {
    /// The address as it is written in commands and headers.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether mail to it takes a relay that offers SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }

    /// The address, if every relay and every mail program can write to it.
    pub fn ascii(self) -> Result<Self, AddressError> {
        if self.needs_smtputf8() { Err(AddressError::NonAsciiLocalPart) } else { Ok(self) }
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`, in lower case and as A-labels.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressError::Incomplete)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Incomplete);
        }
        if local.len() > MAX_LOCAL || !local.split('.').all(is_atom) {
            return Err(AddressError::LocalPart);
        }
        let domain = host_name(domain).ok_or(AddressError::Domain)?;
        let at = local.len();
        let text = format!("{local}@{domain}");
        if text.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        Ok(Self { text, at })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// RFC 5322 §3.2.3 `atext` and RFC 6531 §3.3 `UTF8-non-ascii`, one or more; nothing that is not seen.
fn is_atom(text: &str) -> bool {
    let sound = |c: char| match c {
        c if c.is_ascii() => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
        // Marks of direction and joining, and what has no meaning of its own.
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fff0}'..='\u{ffff}' => false,
        c => !c.is_control() && !c.is_whitespace(),
    };
    !text.is_empty() && text.chars().all(sound)
}

/// A host name in lower case and A-labels; `None` if it is none.
fn host_name(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(domain).ok()?;
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits only would be an IP address (RFC 3696 §2).
    let named = ascii.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| !b.is_ascii_digit()));
    (named && ascii.split('.').all(label)).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, AddressError>) {
        let got = text.parse::<Address>();
        assert_eq!(got.as_ref().map(Address::as_str).map_err(|e| *e), expect, "{text:?}");
    }

    #[test]
    fn addresses() {
        check("ann@shop.example", Ok("ann@shop.example"));
        check("  Ann.Lee+cats@Shop.EXAMPLE ", Ok("Ann.Lee+cats@shop.example"));
        check("milepost@localhost", Ok("milepost@localhost"));
        check("o'neil@shop.example", Ok("o'neil@shop.example"));
        check("Анна.кошки@shop.example", Ok("Анна.кошки@shop.example"));
        check("ан на@shop.example", Err(AddressError::LocalPart));
        check("ан\u{202e}на@shop.example", Err(AddressError::LocalPart));
        check("ан\u{200b}на@shop.example", Err(AddressError::LocalPart));
        check("ann@кошки.example", Ok("ann@xn--h1adap4c.example"));
        check("ann", Err(AddressError::Incomplete));
        check("@shop.example", Err(AddressError::Incomplete));
        check("ann@", Err(AddressError::Incomplete));
        check("", Err(AddressError::Incomplete));
        check("a b@shop.example", Err(AddressError::LocalPart));
        check("ann.@shop.example", Err(AddressError::LocalPart));
        check("a..b@shop.example", Err(AddressError::LocalPart));
        check("\"ann lee\"@shop.example", Err(AddressError::LocalPart));
        check("ann@evil.example@shop.example", Err(AddressError::LocalPart));
        check("<ann@shop.example>", Err(AddressError::LocalPart));
        check("ann@[127.0.0.1]", Err(AddressError::Domain));
        check("ann@127.0.0.1", Err(AddressError::Domain));
        check("ann@-shop.example", Err(AddressError::Domain));
        check("ann@shop..example", Err(AddressError::Domain));
        check("ann@shop.example.", Err(AddressError::Domain));
        check("ann@shop example", Err(AddressError::Domain));
        check("ann@shop.example>", Err(AddressError::Domain));
    }

    #[test]
    fn nothing_that_could_end_a_command_or_a_header_gets_through() {
        for bad in ["\r\n", "\n", "\r", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\t", "<", ">", ","] {
            for text in
                [format!("a{bad}b@shop.example"), format!("ann@shop{bad}.example"), format!("a{bad}я@shop.example")]
            {
                match text.parse::<Address>() {
                    // IDNA may drop or fold a character; what is left must be clean.
                    Ok(address) => {
                        let seen = |c: char| c.is_ascii_graphic() || c.is_alphabetic();
                        assert!(!address.as_str().contains(bad) && address.as_str().chars().all(seen), "{text:?}");
                    }
                    Err(error) => assert!(!matches!(error, AddressError::NonAsciiLocalPart), "{text:?}"),
                }
            }
        }
    }

    #[test]
    fn what_is_not_ascii_takes_smtputf8() {
        let address = |text: &str| text.parse::<Address>().expect(text);
        assert!(address("анна@shop.example").needs_smtputf8());
        assert!(!address("ann@кошки.example").needs_smtputf8());
        assert_eq!(address("анна@shop.example").ascii(), Err(AddressError::NonAsciiLocalPart));
    }

    #[test]
    fn lengths() {
        let long = "a".repeat(64);
        assert!(format!("{long}@shop.example").parse::<Address>().is_ok());
        check(&format!("{long}a@shop.example"), Err(AddressError::LocalPart));
        check(&format!("ann@{}.example", "a".repeat(64)), Err(AddressError::Domain));
        let labels = vec!["a".repeat(60); 4].join(".");
        check(&format!("ann.of.the.cats@{labels}"), Err(AddressError::TooLong));
    }
}
