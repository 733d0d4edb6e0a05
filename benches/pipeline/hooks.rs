//! Hooks of 1 KB as RetailCRM's triggers post them: whole objects as JSON.

use std::io::Write;

use milepost::clock::Clock;

/// Bytes of a hook's body.
const SIZE: usize = 1_024;
const NAMES: [&str; 8] = ["Ann", "Boris", "Clara", "Dmitry", "Elena", "Farid", "Greta", "Henry"];

pub(crate) struct Hooks {
    today: String,
}

impl Hooks {
    pub(crate) fn new() -> Self {
        Self { today: Clock::system().now().utc().format("%Y-%m-%d %H:%M:%S").to_string() }
    }

    /// A customer of long ago becomes known: old news, which starts no rule.
    pub(crate) fn customer(n: u64, body: &mut Vec<u8>) {
        let name = NAMES[n as usize % NAMES.len()];
        begin(body);
        let _ = write!(
            body,
            r#"{{"customer":{{"type":"customer","id":{id},"externalId":"shop-{id}","site":"pets","createdAt":"2024-03-05 10:11:12","isContact":false,"managerId":7,"vip":false,"bad":false,"firstName":"{name}","lastName":"Catkeeper","sex":"female","email":"{email}","phones":[{{"number":"+49 30 {id}"}}],"address":{{"id":{id},"countryIso":"DE","index":"10115","region":"Berlin","city":"Berlin","street":"Bowl Street","building":"{n}","text":"Bowl Street {n}, 10115 Berlin"}},"marginSumm":0,"totalSumm":0,"averageSumm":0,"ordersCount":0,"costSumm":0,"personalDiscount":0,"cumulativeDiscount":0,"segments":[],"tags":[{{"name":"cats","color":"green","attached":true}}],"customFields":{{"feeding":"four small meals"}},"customerSubscriptions":[{{"subscription":{{"id":1,"channel":"email","name":"News","code":"marketing","active":true,"autoSubscribe":false,"ordering":50}},"subscribed":true}}],"note":""#,
            id = id(n),
            email = email(n),
        );
        end(body);
    }

    /// A customer places an order now.
    pub(crate) fn order(&self, n: u64, body: &mut Vec<u8>) {
        let name = NAMES[n as usize % NAMES.len()];
        begin(body);
        let _ = write!(
            body,
            r#"{{"order":{{"id":{order},"number":"{order}C","externalId":"{order}","orderType":"eshop-individual","orderMethod":"shopping-cart","site":"pets","status":"new","createdAt":"{today}","statusUpdatedAt":"{today}","currency":"EUR","summ":129.9,"totalSumm":134.8,"prepaySum":0,"purchaseSumm":0,"firstName":"{name}","email":"{email}","customer":{{"type":"customer","id":{id},"externalId":"shop-{id}"}},"delivery":{{"code":"courier","cost":4.9,"address":{{"city":"Berlin","text":"Bowl Street {n}"}}}},"items":[{{"id":{order},"initialPrice":99.9,"quantity":1,"offer":{{"id":11,"externalId":"feeder-4","displayName":"Feeder Four Meals","url":"https://shop.example/feeder-4"}},"prices":[{{"price":99.9,"quantity":1}}]}},{{"id":{more},"initialPrice":15,"quantity":2,"offer":{{"id":12,"externalId":"bowl-s","displayName":"Steel bowl"}},"prices":[{{"price":15,"quantity":2}}]}}],"customerComment":""#,
            order = 5_000_000 + n,
            more = 7_000_000 + n,
            today = self.today,
            id = id(n),
            email = email(n),
        );
        end(body);
    }
}

/// A customer's address, by which the sink tells whose letter came.
fn email(n: u64) -> String {
    format!("c{n}@cats.example")
}

/// Whose address it is.
pub(crate) fn number_of(address: &str) -> Option<u64> {
    address.strip_prefix('c')?.split_once('@')?.0.parse().ok()
}

fn id(n: u64) -> u64 {
    1_000_000 + n
}

fn begin(body: &mut Vec<u8>) {
    body.clear();
}

/// Fills the last text up and closes the two objects.
fn end(body: &mut Vec<u8>) {
    const CLOSING: &[u8] = b"\"}}";
    assert!(body.len() + CLOSING.len() <= SIZE, "a hook has {} bytes", body.len());
    body.resize(SIZE - CLOSING.len(), b'.');
    body.extend_from_slice(CLOSING);
}
