//! Short links: those that stand many times in a letter. They name the letter and one of its links, and no more; where that
//! leads is kept with the letter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use uuid::Uuid;

use super::LinkSigner;

const CLICK: &[u8] = b"milepost/click";
const OPEN: &[u8] = b"milepost/open";
/// 80 bits: the least that RFC 2104 §5 lets a code be cut to.
const MAC_BYTES: usize = 10;
const ID_BYTES: usize = 16;

impl LinkSigner {
    /// The token of a letter's nth link; `None` if the letter's id is not one of the record's.
    pub fn sign_click(&self, message: &str, link: u8) -> Option<String> {
        let mut said = Uuid::try_parse(message).ok()?.as_bytes().to_vec();
        said.push(link);
        Some(self.short(CLICK, said))
    }

    /// The letter and the number of its link; `None` unless the token was made here with the same secret.
    pub fn verify_click(&self, token: &str) -> Option<(String, u8)> {
        let said = self.said(CLICK, token, ID_BYTES + 1)?;
        let (id, link) = said.split_at_checked(ID_BYTES)?;
        Some((Uuid::from_slice(id).ok()?.to_string(), *link.first()?))
    }

    /// The token of the picture that tells that a letter was opened.
    pub fn sign_open(&self, message: &str) -> Option<String> {
        Some(self.short(OPEN, Uuid::try_parse(message).ok()?.as_bytes().to_vec()))
    }

    /// The letter that was opened.
    pub fn verify_open(&self, token: &str) -> Option<String> {
        let said = self.said(OPEN, token, ID_BYTES)?;
        Some(Uuid::from_slice(&said).ok()?.to_string())
    }

    fn short(&self, use_for: &[u8], mut said: Vec<u8>) -> String {
        let mac = self.mac(use_for, &said).finalize().into_bytes();
        said.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(said)
    }

    fn said(&self, use_for: &[u8], token: &str, length: usize) -> Option<Vec<u8>> {
        if token.len() > 2 * (length + MAC_BYTES) {
            return None;
        }
        let mut said = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == length + MAC_BYTES)?;
        let mac = said.split_off(length);
        self.mac(use_for, &said).verify_truncated_left(&mac).ok()?;
        Some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "0198c0de-0000-7000-8000-0000000000aa";

    #[test]
    fn a_short_link_names_its_letter_and_place_and_cannot_be_altered() {
        let signer = LinkSigner::new(&[7; 32]);
        let token = signer.sign_click(MESSAGE, 3).expect("a token");
        assert_eq!(token.len(), 36);
        assert_eq!(signer.verify_click(&token), Some((MESSAGE.to_owned(), 3)));
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(signer.verify_click(&forged), None, "{forged}");
        }
        assert_eq!(LinkSigner::new(&[8; 32]).verify_click(&token), None);
        assert_eq!(signer.verify_open(&token), None);
        let open = signer.sign_open(MESSAGE).expect("a token");
        assert_eq!((signer.verify_open(&open).as_deref(), signer.verify_click(&open)), (Some(MESSAGE), None));
        assert_eq!(signer.sign_click("message-1", 0), None);
    }
}
