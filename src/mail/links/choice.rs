//! Links by which a customer chooses or confirms: each names the customer and the letter it stood in.

use super::LinkSigner;

const PREFERENCES: &[u8] = b"milepost/preferences";
const CONFIRM: &[u8] = b"milepost/confirm";

/// What a link to a customer's preferences, or to a confirmation, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Milepost's id of the customer.
    pub customer: String,
    /// The letter the link was in.
    pub message: String,
}

impl LinkSigner {
    /// The token of a link to a customer's preferences.
    pub fn sign_preferences(&self, customer: &str, message: &str) -> String {
        self.sign(PREFERENCES, &[customer, message])
    }

    /// Whose preferences a token leads to; `None` unless it was made here with the same secret.
    pub fn verify_preferences(&self, token: &str) -> Option<Choice> {
        let [customer, message] = self.parts(PREFERENCES, token)?;
        Some(Choice { customer, message })
    }

    /// The token of a link by which a customer confirms to have agreed.
    pub fn sign_confirm(&self, customer: &str, message: &str) -> String {
        self.sign(CONFIRM, &[customer, message])
    }

    /// Who confirms by a token; `None` unless it was made here with the same secret.
    pub fn verify_confirm(&self, token: &str) -> Option<Choice> {
        let [customer, message] = self.parts(CONFIRM, token)?;
        Some(Choice { customer, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_what_it_was_made_for_and_for_nothing_else() {
        let signer = LinkSigner::new(&[7; 32]);
        let choice = signer.sign_preferences("c", "m");
        assert_eq!(signer.verify_preferences(&choice), Some(Choice { customer: "c".into(), message: "m".into() }));
        let confirm = signer.sign_confirm("c", "m");
        assert_eq!(
            (signer.verify_confirm(&confirm), signer.verify_preferences(&confirm)),
            (signer.verify_preferences(&choice), None)
        );
        assert_eq!(
            (signer.verify(&choice), signer.verify(&confirm), signer.verify_confirm(&choice)),
            (None, None, None)
        );
        let refuse = signer.sign_unsubscribe("c", "marketing", "m");
        assert_eq!(signer.verify_preferences(&refuse), None);
        assert_eq!(LinkSigner::new(&[8; 32]).verify_preferences(&choice), None);
    }
}
