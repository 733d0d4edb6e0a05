//! Customers: invented names, addresses that can't exist, and how the CRM shows them.

use serde_json::{Value, json};

use super::SITE;
use super::goods::Line;
use crate::journey::time::Timestamp;

const ENGLISH: [[&str; 12]; 2] = [
    ["Alice", "Ben", "Clara", "Daniel", "Emma", "Frank", "Grace", "Henry", "Ivy", "Jack", "Kate", "Leo"],
    ["Archer", "Bell", "Cooper", "Dale", "Ellis", "Ford", "Gray", "Hill", "Irwin", "Judd", "Knight", "Lane"],
];
const RUSSIAN: [[(&str, &str); 12]; 2] = [
    [
        ("Анна", "anna"),
        ("Борис", "boris"),
        ("Вера", "vera"),
        ("Глеб", "gleb"),
        ("Дарья", "darya"),
        ("Егор", "egor"),
        ("Жанна", "zhanna"),
        ("Зоя", "zoya"),
        ("Игорь", "igor"),
        ("Кира", "kira"),
        ("Лев", "lev"),
        ("Майя", "maya"),
    ],
    [
        ("Абрамсон", "abramson"),
        ("Бережко", "berezhko"),
        ("Вирт", "virt"),
        ("Гринько", "grinko"),
        ("Дубко", "dubko"),
        ("Ершенко", "ershenko"),
        ("Жук", "zhuk"),
        ("Заяц", "zayats"),
        ("Илюк", "ilyuk"),
        ("Ким", "kim"),
        ("Лис", "lis"),
        ("Мороз", "moroz"),
    ],
];
const CITIES: [(&str, &str); 4] = [("Riga", "Рига"), ("Berlin", "Тверь"), ("Dublin", "Казань"), ("Vienna", "Пермь")];

/// What a customer said of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    Agreed,
    Refused,
    /// The two fields of the CRM contradict each other.
    Contradiction,
}

/// One customer.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub id: u32,
    pub external_id: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub locale: &'static str,
    pub city: &'static str,
    pub created_at: Timestamp,
    pub letters: Letters,
    /// When that was last changed.
    pub letters_at: Option<Timestamp>,
    pub vip: bool,
    pub orders: u32,
    pub spent: i64,
    pub cart: Vec<Line>,
    /// When the cart was last touched.
    pub cart_at: Option<Timestamp>,
    pub cart_cleared_at: Option<Timestamp>,
    /// Rises with each change of the cart: plans about an older one are void.
    pub cart_version: u32,
    /// A promo code in the customer's pocket.
    pub promo: Option<String>,
}

impl Person {
    /// A new customer.
    pub(super) fn invent(rng: &mut fastrand::Rng, id: u32, at: Timestamp) -> Self {
        let russian = rng.u8(0..100) < 45;
        let (first, last) = (rng.usize(0..12), rng.usize(0..12));
        let city = CITIES[rng.usize(0..CITIES.len())];
        let host = ["mail.example", "inbox.example", "post.example"][rng.usize(0..3)];
        let (first_name, last_name, local) = if russian {
            let (first, last) = (RUSSIAN[0][first], RUSSIAN[1][last]);
            (first.0, last.0, format!("{}.{}", first.1, last.1))
        } else {
            let (first, last) = (ENGLISH[0][first], ENGLISH[1][last]);
            (first, last, format!("{first}.{last}"))
        };
        let letters = match rng.u8(0..100) {
            0..78 => Letters::Agreed,
            78..94 => Letters::Refused,
            _ => Letters::Contradiction,
        };
        Self {
            id,
            external_id: (rng.u8(0..10) > 0).then(|| format!("u-{id}")),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email: format!("{local}.{id}@{host}"),
            locale: if russian { "ru" } else { "en" },
            city: if russian { city.1 } else { city.0 },
            created_at: at,
            letters,
            letters_at: None,
            vip: rng.u8(0..40) == 0,
            orders: 0,
            spent: 0,
            cart: Vec::new(),
            cart_at: None,
            cart_cleared_at: None,
            cart_version: 0,
            promo: None,
        }
    }

    /// What every row of the history shows of a customer.
    pub(super) fn stub(&self) -> Value {
        let mut stub = json!({"id": self.id, "site": SITE});
        if let Some(external) = &self.external_id {
            stub["externalId"] = json!(external);
        }
        stub
    }

    /// The customer as part of an order or of the row of the creation: without consents.
    pub(super) fn nested(&self, date: impl Fn(Timestamp) -> String) -> Value {
        let average = if self.orders == 0 { 0 } else { self.spent / i64::from(self.orders) };
        let mut shown = json!({
            "type": "customer", "id": self.id, "isContact": false, "createdAt": date(self.created_at), "vip": self.vip, "bad": false,
            "site": SITE, "contragent": {"contragentType": "individual"}, "tags": [], "marginSumm": 0,
            "totalSumm": self.spent / 100, "averageSumm": average / 100, "ordersCount": self.orders, "costSumm": 0,
            "customFields": {"locale": self.locale}, "personalDiscount": 0, "cumulativeDiscount": 0, "segments": [],
            "firstName": self.first_name, "lastName": self.last_name, "email": self.email, "phones": [],
            // The real one writes the index now as text, now as a number.
            "address": {"id": self.id, "city": self.city, "index": if self.id.is_multiple_of(2) { json!(10_000 + self.id) } else { json!("10001") }},
        });
        if let Some(external) = &self.external_id {
            shown["externalId"] = json!(external);
        }
        if self.orders > 1 {
            shown["segments"] =
                json!([{"id": 4, "code": "repeat", "name": "Repeat buyers", "isDynamic": true, "active": true}]);
        }
        if self.locale == "en" && self.id.is_multiple_of(3) {
            // Empty objects come as empty lists; the shop's default locale is meant then.
            shown["customFields"] = json!([]);
        }
        shown
    }

    /// The customer as read on its own.
    pub(super) fn whole(&self, date: impl Fn(Timestamp) -> String) -> Value {
        let mut shown = self.nested(&date);
        let mut email = json!({
            "subscription": {"id": 2, "channel": "email", "name": "No topic", "code": "default_marketing", "active": true, "autoSubscribe": true, "ordering": 1},
            "subscribed": self.letters != Letters::Refused,
        });
        let mut other = email.clone();
        other["subscription"]["channel"] = json!("waba");
        other["subscribed"] = json!(false);
        if let Some(at) = self.letters_at {
            email["changedAt"] = json!(date(at));
        }
        shown["customerSubscriptions"] = json!([email, other]);
        if self.letters == Letters::Contradiction {
            shown["emailMarketingUnsubscribedAt"] = json!(date(self.letters_at.unwrap_or(self.created_at)));
        }
        shown
    }
}
