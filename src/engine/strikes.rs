//! What refusals come to for the addresses that met them, by the classes' effects: suppressed at once, suppressed when enough
//! letters met the same, or nothing. Replies of relays and reports of delivery both end here.

use super::Result;
use crate::journey::time::Timestamp;
use crate::mail::{Class, Refusals};
use crate::store::{Strike, Suppression, Tx};

/// The reason of a refusal that proves that there is no such mailbox, and of the suppression that follows from it.
pub const MAILBOX_GONE: &str = "mailbox_gone";

/// A letter that was refused for good, and what that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRefused {
    /// The address, in lower case.
    pub address: String,
    /// What kind of refusal it was.
    pub class: Class,
    /// The letter.
    pub message: String,
    /// Who said so: `relay`, or where a report came from.
    pub source: String,
    /// What was said.
    pub said: String,
    /// When.
    pub at: Timestamp,
}

/// Suppresses the addresses that have been refused often enough, and remembers the refusals of the others that count.
pub async fn strike(tx: &mut Tx, refusals: &Refusals, refused: &[AddressRefused]) -> Result<()> {
    let mut suppress = Vec::new();
    for refused in refused {
        let Some(effect) = refusals.effect(refused.class).address else { continue };
        if effect.after > 1 {
            let strike = Strike {
                address: refused.address.clone(),
                class: refused.class.word(),
                message: refused.message.clone(),
                at: refused.at,
            };
            tx.add_strikes(&[strike]).await?;
            let since = refused.at.before(effect.within);
            if tx.strikes(&refused.address, refused.class.word(), since).await? < u64::from(effect.after) {
                continue;
            }
        }
        let reason = if refused.class == Class::Hard { MAILBOX_GONE } else { refused.class.word() };
        suppress.push(Suppression {
            address: refused.address.clone(),
            reason: reason.to_owned(),
            source: refused.source.clone(),
            at: refused.at,
            detail: refused.said.clone(),
            expires_at: effect.lasts.map(|lasts| refused.at.after(lasts)),
        });
    }
    tx.suppress(&suppress).await?;
    Ok(())
}
