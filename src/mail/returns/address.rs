//! Addresses that name the letter they came from: variable envelope return paths (VERP) and their kin.
//!
//! Invariants: the token is lower-case base32, for servers on the way fold the case of local parts; the local part stays
//! within RFC 5321's 64 octets; a token made for one duty is none for another.

use data_encoding::BASE32_NOPAD;
use uuid::{Builder, Uuid};

use super::super::address::Address;
use super::super::links::LinkSigner;
use crate::settings::{ReplySettings, ReturnSettings};

/// Between the name of the address and its token (RFC 5233).
const SEPARATOR: char = '+';
const ID_BYTES: usize = 16;
/// How the ids of forwarded answers begin.
const ANSWER: &[u8; 6] = b"answer";
/// Eighty bits: nobody tries out that many addresses by sending mail.
const MAC_BYTES: usize = 10;
/// Characters of a token.
const TOKEN: usize = 42;
/// Most characters of the name before the token.
pub const LONGEST_NAME: usize = 64 - TOKEN - 1;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// Bounces come here: the sender of envelopes.
    Bounce,
    /// Whoever writes here wants no more.
    Unsubscribe,
    /// Answers come here.
    Reply,
}

impl Duty {
    const ALL: [Self; 3] = [Self::Bounce, Self::Unsubscribe, Self::Reply];

    /// What its tokens are signed under.
    fn label(self) -> &'static [u8] {
        match self {
            Self::Bounce => b"milepost/returns/bounce",
            Self::Unsubscribe => b"milepost/returns/unsubscribe",
            Self::Reply => b"milepost/returns/reply",
        }
    }
}

/// Whom mail was addressed to, if it is one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    /// What for.
    pub duty: Duty,
    /// The letter that the address names; `None` if it bears no token, or one that was not made here.
    pub message: Option<String>,
}

/// Why an address of the settings can't take what comes back.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address that a token fits into")]
pub struct ReturnsError(String);

/// The addresses of a shop. Cheap to clone; without settings there are none.
#[derive(Clone, Debug)]
pub struct ReturnAddresses {
    signer: LinkSigner,
    bounce: Option<Address>,
    unsubscribe: Option<Address>,
    reply: Option<Address>,
    complaints: Vec<Address>,
}

impl ReturnAddresses {
    /// The addresses that the settings name.
    pub fn new(settings: &ReturnSettings, replies: &ReplySettings, signer: LinkSigner) -> Result<Self, ReturnsError> {
        let base = |text: &String| parse(text).ok_or_else(|| ReturnsError(text.clone()));
        let bounce = settings.address.as_ref().map(base).transpose()?;
        let unsubscribe = match (&settings.unsubscribe, &bounce) {
            (Some(text), _) => Some(base(text)?),
            (None, Some(bounce)) => format!("unsubscribe@{}", bounce.domain()).parse().ok(),
            (None, None) => None,
        };
        let reply = replies.address.as_ref().map(base).transpose()?;
        let whole = |text: &String| text.parse().map_err(|_| ReturnsError(text.clone()));
        let complaints = settings.complaints.iter().map(whole).collect::<Result<_, _>>()?;
        Ok(Self { signer, bounce, unsubscribe, reply, complaints })
    }

    /// Where a letter's bounces go. `None` if bounces are not read, or the letter's id is not one of the journey's: then it
    /// is somebody's test.
    pub fn bounce(&self, message: &str) -> Option<Address> {
        self.with_token(Duty::Bounce, message)
    }

    /// Where the customer refuses a letter's purpose by mail.
    pub fn unsubscribe(&self, message: &str) -> Option<Address> {
        self.with_token(Duty::Unsubscribe, message)
    }

    /// Where bounces of a forwarded answer go, by its number on record: they are ours to take, and about no letter.
    pub fn bounce_of_answer(&self, answer: i64) -> Option<Address> {
        let mut id = [0; ID_BYTES];
        id[..ANSWER.len()].copy_from_slice(ANSWER);
        id[ID_BYTES - 8..].copy_from_slice(&answer.to_be_bytes());
        // No letter's id is of this version (RFC 9562 §5.8).
        self.with_token(Duty::Bounce, &Builder::from_custom_bytes(id).into_uuid().hyphenated().to_string())
    }

    /// Where answers to a letter go.
    pub fn reply(&self, message: &str) -> Option<Address> {
        self.with_token(Duty::Reply, message)
    }

    /// Whether mail to an address is ours to take from strangers: it names a letter, or is for complaints.
    pub fn takes(&self, address: &str) -> bool {
        let complaint = || self.complaints.iter().any(|known| known.as_str().eq_ignore_ascii_case(address.trim()));
        self.read(address).is_some_and(|to| to.message.is_some()) || complaint()
    }

    /// The domain that mail comes back to.
    pub fn domain(&self) -> Option<&str> {
        self.bounce.as_ref().or(self.reply.as_ref()).map(Address::domain)
    }

    /// What an address that mail came to is for; `None` if it is none of ours.
    pub fn read(&self, address: &str) -> Option<To> {
        let (local, domain) = address.trim().rsplit_once('@')?;
        Duty::ALL.into_iter().find_map(|duty| {
            let base = self.base(duty)?;
            let name = base.local();
            if !domain.eq_ignore_ascii_case(base.domain()) || !local.get(..name.len())?.eq_ignore_ascii_case(name) {
                return None;
            }
            let rest = &local[name.len()..];
            let message = match rest.strip_prefix(SEPARATOR) {
                Some(token) => self.verify(duty, token),
                None if rest.is_empty() => None,
                None => return None,
            };
            Some(To { duty, message })
        })
    }

    fn base(&self, duty: Duty) -> Option<&Address> {
        match duty {
            Duty::Bounce => self.bounce.as_ref(),
            Duty::Unsubscribe => self.unsubscribe.as_ref(),
            Duty::Reply => self.reply.as_ref(),
        }
    }

    fn with_token(&self, duty: Duty, message: &str) -> Option<Address> {
        let base = self.base(duty)?;
        let id = Uuid::parse_str(message).ok().filter(|id| id.hyphenated().to_string() == message)?;
        let mut token = id.into_bytes().to_vec();
        token.extend(self.signer.sign_short::<MAC_BYTES>(duty.label(), id.as_bytes()));
        let token = BASE32_NOPAD.encode(&token).to_ascii_lowercase();
        format!("{}{SEPARATOR}{token}@{}", base.local(), base.domain()).parse().ok()
    }

    fn verify(&self, duty: Duty, token: &str) -> Option<String> {
        if token.len() != TOKEN {
            return None;
        }
        let bytes = BASE32_NOPAD.decode(token.to_ascii_uppercase().as_bytes()).ok()?;
        let (id, mac) = bytes.split_at_checked(ID_BYTES)?;
        self.signer.verify_short(duty.label(), id, mac).then_some(())?;
        Some(Uuid::from_slice(id).ok()?.hyphenated().to_string())
    }
}

/// Whether a token can be put into an address.
pub fn is_base(text: &str) -> bool {
    parse(text).is_some()
}

fn parse(text: &str) -> Option<Address> {
    let address = text.parse::<Address>().and_then(Address::ascii).ok()?;
    let fits = address.local().len() <= LONGEST_NAME && !address.local().contains(SEPARATOR);
    fits.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &str = "0198c0de-0000-7000-8000-00000000abcd";

    fn addresses(secret: &[u8]) -> ReturnAddresses {
        let settings =
            ReturnSettings { address: Some("bounce@returns.shop.example".into()), ..ReturnSettings::default() };
        ReturnAddresses::new(&settings, &ReplySettings::default(), LinkSigner::new(secret)).expect("addresses")
    }

    #[test]
    fn an_address_names_its_letter_and_nothing_else() {
        let ours = addresses(b"secret");
        let bounce = ours.bounce(LETTER).expect("an address");
        assert!(bounce.local().len() <= 64, "{bounce}");
        assert_eq!(bounce.as_str(), bounce.as_str().to_lowercase());
        let read = |text: &str| ours.read(text);
        let named = |duty| Some(To { duty, message: Some(LETTER.into()) });
        assert_eq!(read(bounce.as_str()), named(Duty::Bounce));
        assert_eq!(read(&bounce.as_str().to_uppercase()), named(Duty::Bounce), "servers fold the case");
        let unsubscribe = ours.unsubscribe(LETTER).expect("an address");
        assert_eq!(read(unsubscribe.as_str()), named(Duty::Unsubscribe));
        let nameless = Some(To { duty: Duty::Bounce, message: None });
        assert_eq!(read("bounce@returns.shop.example"), nameless);
        let moved = bounce.as_str().replacen("bounce", "unsubscribe", 1);
        assert_eq!(read(&moved).and_then(|to| to.message), None, "a token is good for one duty");
        for at in 0..TOKEN {
            let mut forged = bounce.as_str().as_bytes().to_vec();
            let place = "bounce+".len() + at;
            forged[place] = if forged[place] == b'a' { b'b' } else { b'a' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(read(&forged).and_then(|to| to.message), None, "{forged}");
        }
        for stranger in
            ["", "@", "bounce", "bouncer@returns.shop.example", "bounce@shop.example", "ä@returns.shop.example"]
        {
            assert_eq!(read(stranger), None, "{stranger}");
        }
        assert_eq!(addresses(b"another").read(bounce.as_str()).and_then(|to| to.message), None);
    }

    #[test]
    fn a_letter_that_is_no_letter_of_a_journey_has_no_address() {
        let ours = addresses(b"secret");
        for id in ["test", "", "0198C0DE-0000-7000-8000-00000000ABCD", "0198c0de000070008000000000000000"] {
            assert_eq!(ours.bounce(id), None, "{id}");
        }
        let none = ReturnAddresses::new(&ReturnSettings::default(), &ReplySettings::default(), LinkSigner::new(b"s"))
            .expect("none");
        assert_eq!((none.bounce(LETTER), none.read("bounce@returns.shop.example")), (None, None));
    }

    #[test]
    fn addresses_that_a_token_does_not_fit_into_are_refused() {
        for bad in ["bounce", "b+x@shop.example", "Name <b@shop.example>", &format!("{}@shop.example", "b".repeat(22))]
        {
            assert!(!is_base(bad), "{bad}");
        }
        assert!(is_base(&format!("{}@shop.example", "b".repeat(LONGEST_NAME))));
    }
}
