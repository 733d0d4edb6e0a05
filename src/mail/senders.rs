//! In whose names letters go out.

use std::collections::BTreeMap;

use lettre::message::Mailbox;

use super::address::Address;
use super::compose::ComposeError;
use super::headers;
use crate::settings::MailSettings;

/// Somebody in whose name letters go out.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// As people read it.
    pub(super) from: Mailbox,
    /// The address alone.
    pub(super) address: Address,
    /// Where answers go, if elsewhere.
    pub(super) reply_to: Option<Mailbox>,
    /// The last part of `Feedback-ID`.
    pub(super) feedback_id: String,
}

/// Every sender of the settings.
#[derive(Clone, Debug)]
pub(super) struct Senders {
    default: Sender,
    named: BTreeMap<String, Sender>,
}

impl Senders {
    pub(super) fn new(mail: &MailSettings) -> Result<Self, ComposeError> {
        let default = sender("mail", &mail.from, mail.reply_to.as_deref(), mail.feedback_id.as_deref())?;
        let named = mail.senders.iter().map(|(name, said)| {
            let path = format!("mail.senders.{name}");
            let made = sender(&path, &said.from, said.reply_to.as_deref(), said.feedback_id.as_deref())?;
            Ok((name.clone(), made))
        });
        Ok(Self { default, named: named.collect::<Result<_, ComposeError>>()? })
    }

    /// The sender of a name; without one, or with one that the settings do not have any more, the shop itself.
    pub(super) fn get(&self, name: Option<&str>) -> &Sender {
        name.and_then(|name| self.named.get(name)).unwrap_or(&self.default)
    }
}

fn sender(path: &str, from: &str, reply_to: Option<&str>, feedback_id: Option<&str>) -> Result<Sender, ComposeError> {
    let (from, address) = mailbox(&format!("{path}.from"), from)?;
    let reply_to = reply_to.map(|value| mailbox(&format!("{path}.reply_to"), value)).transpose()?;
    let feedback_id = feedback_id.unwrap_or(address.domain()).to_owned();
    Ok(Sender { from, address, reply_to: reply_to.map(|(mailbox, _)| mailbox), feedback_id })
}

/// A mailbox of the settings: `Pet shop <hello@shop.example>` or an address alone.
fn mailbox(setting: &str, value: &str) -> Result<(Mailbox, Address), ComposeError> {
    let refused = || ComposeError::Sender { setting: setting.to_owned(), value: value.to_owned() };
    let (name, address) = match value.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (headers::clean(name.trim().trim_matches('"')), address),
        None => (String::new(), value),
    };
    let address: Address = address.parse::<Address>().and_then(Address::ascii).map_err(|_| refused())?;
    let name = (!name.is_empty()).then_some(name);
    Ok((Mailbox::new(name, headers::lettre_address(&address)), address))
}
