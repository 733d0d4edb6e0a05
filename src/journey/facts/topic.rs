//! What facts are about: who reads a topic is asked anew when something of it changes, and nobody else.

use std::collections::BTreeSet;

/// Facts that change together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// An attribute: `customer.<name>`.
    Attribute(String),
    /// `orders.…`
    Orders,
    /// `cart.…`
    Cart,
    /// `messages.…`
    Messages,
    /// `stage.…`
    Stages,
    /// `consent.…`
    Consents,
    /// What is wished of letters: no condition reads it, what waits is asked anew.
    Preferences,
}

impl Topic {
    /// The topic of a fact; `None` for what a customer has not or what never changes.
    pub fn of(path: &str) -> Option<Self> {
        let (root, name) = path.split_once('.')?;
        match root {
            "customer" => Some(Self::Attribute(name.split('.').next().unwrap_or(name).to_owned())),
            "orders" => Some(Self::Orders),
            "cart" => Some(Self::Cart),
            "messages" => Some(Self::Messages),
            "stage" => Some(Self::Stages),
            "consent" => Some(Self::Consents),
            _ => None,
        }
    }
}

/// What may be different from what was last answered.
#[derive(Clone, Debug)]
pub enum Touched {
    /// Anything.
    All,
    /// Something of these topics, and nothing else.
    Topics(BTreeSet<Topic>),
}

impl Touched {
    /// This one, too.
    pub fn add(&mut self, topic: Topic) {
        if let Self::Topics(topics) = self {
            topics.insert(topic);
        }
    }
}
