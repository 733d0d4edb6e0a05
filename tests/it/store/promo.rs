//! The ledger of promo codes: given once, and never lost on the way.

use std::collections::BTreeSet;
use std::sync::Arc;

use milepost::journey::effect::{EndReason, WithheldReason};
use milepost::journey::promo::Pattern;
use milepost::journey::time::{Span, Timestamp};
use milepost::store::{CodeState, CodeWish, Engine, EnrollmentRow, MessageState, PoolStock, SEED_NOTE, Store, Tx};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::both;
use super::fixtures::{at, cause, frozen, letter, outcome, texts};
use super::place::Place;

both! {
    a_promo_code_is_given_once,
    parallel_takers_never_share_a_promo_code,
    a_taker_waits_for_a_code_that_comes_back,
    a_code_taken_in_vain_comes_back,
    nobody_is_given_a_code_of_another_pool_that_they_had,
    codes_of_a_pattern_are_the_store_s_own_secret,
    a_code_goes_with_its_letter,
    a_code_comes_back_only_when_nothing_can_bring_it,
    an_order_redeems_whatever_case_it_is_typed_in,
    a_code_s_time_runs_out_once_it_is_sent,
}

fn wish<'a>(pool: &'a str, customer: &'a str, enrollment: &'a str) -> CodeWish<'a> {
    CodeWish { pool, customer, rule: "cart", enrollment, at: at(1), expires_at: None, had: &[], pattern: None }
}

async fn load(store: &Store, pool: &str, codes: &[String]) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.load_pool(pool, codes, at(0)).await.unwrap(), codes.len() as u64);
    tx.commit().await.unwrap();
}

async fn take(store: &Store, wish: CodeWish<'_>) -> Option<String> {
    let mut tx = store.begin().await.unwrap();
    let code = tx.take_code(&wish).await.unwrap();
    tx.commit().await.unwrap();
    code
}

async fn state(store: &Store, code: &str) -> CodeState {
    store.promo_codes(code).await.unwrap()[0].state
}

async fn a_promo_code_is_given_once(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.load_pool("spring", &texts(["A", "B", "A"]), at(0)).await.unwrap(), 2);
    assert_eq!(tx.load_pool("autumn", &texts(["A"]), at(0)).await.unwrap(), 1);
    let got = async |tx: &mut Tx, wish: CodeWish<'_>| tx.take_code(&wish).await.unwrap();
    assert_eq!(got(&mut tx, wish("spring", "ada", "run-1")).await.as_deref(), Some("A"), "in the file's order");
    assert_eq!(got(&mut tx, wish("spring", "ada", "run-1")).await.as_deref(), Some("A"), "the same run");
    assert_eq!(got(&mut tx, wish("spring", "ada", "run-2")).await.as_deref(), Some("B"));
    assert_eq!(got(&mut tx, wish("spring", "ben", "run-3")).await, None);
    assert_eq!(got(&mut tx, wish("none", "ben", "run-3")).await, None);
    assert_eq!(tx.load_pool("spring", &texts(["A", "B", "C"]), at(5)).await.unwrap(), 1, "given codes stay given");
    // Capitals or small letters make no difference to orders: it is the same code.
    assert_eq!(tx.load_pool("spring", &texts(["b", "C", "c"]), at(5)).await.unwrap(), 0);
    assert_eq!(got(&mut tx, wish("spring", "ben", "run-3")).await.as_deref(), Some("C"));
    tx.commit().await.unwrap();
    let stock = place.store.pool_stock(at(0)).await.unwrap();
    let none = PoolStock::default();
    let autumn = PoolStock { pool: "autumn".into(), total: 1, left: 1, ..none.clone() };
    let given = PoolStock { reserved: 3, given_lately: 3, first_given_at: Some(at(1)), ..none };
    assert_eq!(stock, [autumn, PoolStock { pool: "spring".into(), total: 3, ..given }]);
    assert_eq!(place.store.codes_left("autumn").await.unwrap(), 1);
}

async fn parallel_takers_never_share_a_promo_code(place: &Place) {
    const CODES: usize = 60;
    let codes: Vec<String> = (0..CODES).map(|n| format!("CODE-{n:02}")).collect();
    load(&place.store, "spring", &codes).await;
    let other = place.another().await;
    let start = Arc::new(Barrier::new(6));
    let mut takers = JoinSet::new();
    for taker in 0..6 {
        let (store, start) = (if taker % 2 == 0 { place.store.clone() } else { other.clone() }, start.clone());
        takers.spawn(async move {
            start.wait().await;
            let mut got = Vec::new();
            // A few more than there are, over all takers.
            for n in 0..11 {
                got.extend(take(&store, wish("spring", "c", &format!("run-{taker}-{n}"))).await);
            }
            got
        });
    }
    let given: Vec<String> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(given.len(), CODES, "every code is given, and no more");
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), CODES);
    other.close().await;
}

async fn a_taker_waits_for_a_code_that_comes_back(place: &Place) {
    if place.store.engine() == Engine::Sqlite {
        return; // One writer at a time: nobody ever sees a code in another's hands.
    }
    load(&place.store, "spring", &texts(["ONLY"])).await;
    let mut first = place.store.begin().await.unwrap();
    assert!(first.take_code(&wish("spring", "ada", "run-1")).await.unwrap().is_some());
    let store = place.store.clone();
    let second = tokio::spawn(async move { take(&store, wish("spring", "ben", "run-2")).await });
    drop(first);
    assert_eq!(second.await.unwrap().as_deref(), Some("ONLY"));
}

async fn a_code_taken_in_vain_comes_back(place: &Place) {
    load(&place.store, "spring", &texts(["ONLY"])).await;
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.take_code(&wish("spring", "ada", "run-1")).await.unwrap().is_some());
    drop(tx);
    assert_eq!(take(&place.store, wish("spring", "ben", "run-2")).await.as_deref(), Some("ONLY"));
}

async fn nobody_is_given_a_code_of_another_pool_that_they_had(place: &Place) {
    load(&place.store, "spring", &texts(["SAME"])).await;
    load(&place.store, "autumn", &texts(["SAME", "OTHER"])).await;
    assert_eq!(take(&place.store, wish("spring", "ada", "run-1")).await.as_deref(), Some("SAME"));
    let had = texts(["SAME"]);
    let second = CodeWish { had: &had, ..wish("autumn", "ada", "run-2") };
    assert_eq!(take(&place.store, second).await.as_deref(), Some("OTHER"));
    assert_eq!(take(&place.store, CodeWish { enrollment: "run-3", ..second }).await, None, "what is left she had");
    assert_eq!(take(&place.store, wish("autumn", "ben", "run-4")).await.as_deref(), Some("SAME"));
}

async fn codes_of_a_pattern_are_the_store_s_own_secret(place: &Place) {
    let pattern = Pattern::parse("SPRING-########").unwrap();
    let of = |enrollment| CodeWish { pattern: Some(&pattern), ..wish("spring", "ada", enrollment) };
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.take_code(&of("run-1")).await.unwrap_err().to_string().contains("secret"));
    drop(tx);
    let mut made = BTreeSet::new();
    for seed in ["one", "another"] {
        let mut tx = place.store.begin().await.unwrap();
        tx.set_note(SEED_NOTE, seed).await.unwrap();
        for run in ["run-1", "run-2"] {
            let code = tx.take_code(&of(run)).await.unwrap().unwrap();
            assert_eq!(tx.take_code(&of(run)).await.unwrap().unwrap(), code, "the same run, the same code");
            assert_eq!((&code[..7], code.len()), ("SPRING-", 15));
            made.insert(code);
        }
        // As after a crash that lost it: made again.
        drop(tx);
    }
    assert_eq!(made.len(), 4, "another secret makes other codes");
    let mut tx = place.store.begin().await.unwrap();
    tx.set_note(SEED_NOTE, "one").await.unwrap();
    let again = tx.take_code(&of("run-1")).await.unwrap().unwrap();
    assert!(made.contains(&again));
    tx.commit().await.unwrap();
    let stock = &place.store.pool_stock(at(0)).await.unwrap()[0];
    assert_eq!((stock.total, stock.left, stock.reserved), (1, 0, 1));
}

/// A run of a customer; over if `ended`.
async fn run(tx: &mut Tx, id: &str, ended: bool) {
    let row = EnrollmentRow {
        id: id.into(),
        customer: "ada".into(),
        rule: "cart".into(),
        map: "pets".into(),
        stage: None,
        started_at: at(0),
        cause: cause(),
        ended: ended.then_some((at(2), EndReason::Finished)),
        converted: None,
    };
    tx.put_enrollments(&[row]).await.unwrap();
}

/// A letter of a run that shows a code.
async fn plan(tx: &mut Tx, id: &str, enrollment: &str, code: Option<&str>) {
    let mut letter = letter(id, 0);
    letter.planned.enrollment = enrollment.into();
    letter.planned.step = id.into();
    letter.planned.code = code.map(str::to_owned);
    assert_eq!(tx.put_messages(&[letter]).await.unwrap(), [true]);
}

async fn end(store: &Store, id: &str, state: MessageState) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.mark_sending(&[&frozen(id)], at(3)).await.unwrap(), [id]);
    assert_eq!(tx.record_outcomes(&[outcome(id, 4, state)]).await.unwrap(), [id]);
    settle(&mut tx, id).await;
    tx.commit().await.unwrap();
}

async fn withhold(store: &Store, id: &str) {
    let mut tx = store.begin().await.unwrap();
    let withheld = (id.to_owned(), WithheldReason::Suppressed, at(4));
    assert_eq!(tx.cancel_messages(&[withheld]).await.unwrap(), [id]);
    settle(&mut tx, id).await;
    tx.commit().await.unwrap();
}

async fn settle(tx: &mut Tx, id: &str) {
    tx.send_codes_of(&texts([id]), at(4)).await.unwrap();
    tx.return_codes_of(&texts([id])).await.unwrap();
}

async fn a_code_goes_with_its_letter(place: &Place) {
    let codes = texts(["A", "B", "C", "D"]);
    load(&place.store, "spring", &codes).await;
    for (code, how) in codes.iter().zip(["sent", "uncertain", "refused", "withheld"]) {
        assert_eq!(take(&place.store, wish("spring", "ada", how)).await.as_ref(), Some(code));
        let mut tx = place.store.begin().await.unwrap();
        run(&mut tx, how, true).await;
        plan(&mut tx, how, how, Some(code)).await;
        tx.commit().await.unwrap();
        assert_eq!(state(&place.store, code).await, CodeState::Reserved);
    }
    end(&place.store, "sent", MessageState::Sent).await;
    end(&place.store, "uncertain", MessageState::Uncertain).await;
    end(&place.store, "refused", MessageState::Refused).await;
    withhold(&place.store, "withheld").await;
    let mut states = Vec::new();
    for code in &codes {
        states.push(state(&place.store, code).await);
    }
    assert_eq!(states, [CodeState::Sent, CodeState::Sent, CodeState::Free, CodeState::Free]);
    let sent = &place.store.promo_codes("A").await.unwrap()[0];
    assert_eq!((sent.sent_at, sent.customer.as_deref(), sent.returned), (Some(at(4)), Some("ada"), 0));
    let back = &place.store.promo_codes("D").await.unwrap()[0];
    assert_eq!((back.given_at, back.customer.as_deref(), back.returned), (None, None, 1));
    assert_eq!(take(&place.store, wish("spring", "ben", "run-9")).await.as_deref(), Some("C"), "and is given again");
}

async fn a_code_comes_back_only_when_nothing_can_bring_it(place: &Place) {
    load(&place.store, "spring", &texts(["A", "B", "C", "D"])).await;
    let mut tx = place.store.begin().await.unwrap();
    for (run_id, code, ended) in
        [("going", "A", false), ("twice", "B", true), ("failed", "C", true), ("bare", "D", true)]
    {
        assert_eq!(tx.take_code(&wish("spring", "ada", run_id)).await.unwrap().as_deref(), Some(code));
        run(&mut tx, run_id, ended).await;
    }
    plan(&mut tx, "going-1", "going", Some("A")).await;
    plan(&mut tx, "twice-1", "twice", Some("B")).await;
    plan(&mut tx, "twice-2", "twice", Some("B")).await;
    plan(&mut tx, "failed-1", "failed", Some("C")).await;
    plan(&mut tx, "bare-1", "bare", None).await;
    tx.fail_messages(&[("failed-1".into(), "template".into(), at(3))]).await.unwrap();
    settle(&mut tx, "failed-1").await;
    tx.commit().await.unwrap();
    withhold(&place.store, "going-1").await;
    assert_eq!(state(&place.store, "A").await, CodeState::Reserved, "the run may show it yet");
    withhold(&place.store, "twice-1").await;
    assert_eq!(state(&place.store, "B").await, CodeState::Reserved, "another letter waits");
    end(&place.store, "twice-2", MessageState::Sent).await;
    assert_eq!(state(&place.store, "B").await, CodeState::Sent);
    assert_eq!(state(&place.store, "C").await, CodeState::Reserved, "a failed letter can be tried again");
    // A letter that does not show the code does not keep it.
    end(&place.store, "bare-1", MessageState::Sent).await;
    let mut tx = place.store.begin().await.unwrap();
    tx.end_enrollments(&[("going".into(), at(5), EndReason::Finished)]).await.unwrap();
    tx.return_codes(&texts(["going", "twice", "failed", "bare"])).await.unwrap();
    tx.commit().await.unwrap();
    let mut states = Vec::new();
    for code in ["A", "B", "C", "D"] {
        states.push(state(&place.store, code).await);
    }
    assert_eq!(states, [CodeState::Free, CodeState::Sent, CodeState::Reserved, CodeState::Free]);
}

async fn an_order_redeems_whatever_case_it_is_typed_in(place: &Place) {
    load(&place.store, "spring", &texts(["SPRING-1", "SPRING-2"])).await;
    load(&place.store, "autumn", &texts(["SPRING-1"])).await;
    assert_eq!(take(&place.store, wish("autumn", "ada", "run-1")).await.as_deref(), Some("SPRING-1"));
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.redeem_code("spring-1", "ada", "crm/7", at(9)).await.unwrap());
    assert!(!tx.redeem_code("SPRING-1", "ada", "crm/8", at(10)).await.unwrap(), "once");
    assert!(tx.redeem_code("Spring-2", "ben", "crm/9", at(11)).await.unwrap(), "nobody was given it");
    assert!(!tx.redeem_code("WINTER", "ben", "crm/9", at(11)).await.unwrap());
    tx.commit().await.unwrap();
    let rows = place.store.promo_codes("SPRING-1").await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.pool.as_str(), row.state, row.redeemed_order.as_deref())).collect();
    assert_eq!(told, [("spring", CodeState::Free, None), ("autumn", CodeState::Redeemed, Some("crm/7"))]);
    assert_eq!(take(&place.store, wish("spring", "cyd", "run-2")).await.as_deref(), Some("SPRING-1"));
    assert_eq!(take(&place.store, wish("spring", "dan", "run-3")).await, None, "a used code is not given");
}

async fn a_code_s_time_runs_out_once_it_is_sent(place: &Place) {
    load(&place.store, "spring", &texts(["A", "B"])).await;
    for code in ["A", "B"] {
        let wish = CodeWish { expires_at: Some(at(60)), ..wish("spring", "ada", code) };
        assert_eq!(take(&place.store, wish).await.as_deref(), Some(code));
    }
    let mut tx = place.store.begin().await.unwrap();
    run(&mut tx, "A", true).await;
    plan(&mut tx, "letter", "A", Some("A")).await;
    tx.commit().await.unwrap();
    end(&place.store, "letter", MessageState::Sent).await;
    let expire = async |now: Timestamp| {
        let mut tx = place.store.begin().await.unwrap();
        let expired = tx.expire_codes(now, 10).await.unwrap();
        tx.commit().await.unwrap();
        expired
    };
    assert_eq!(expire(at(60).before(Span::seconds(1))).await, 0);
    assert_eq!(expire(at(60)).await, 1);
    assert_eq!(state(&place.store, "A").await, CodeState::Expired);
    assert_eq!(state(&place.store, "B").await, CodeState::Reserved, "nobody has seen it");
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.redeem_code("A", "ada", "crm/1", at(90)).await.unwrap(), "the shop took it all the same");
    tx.commit().await.unwrap();
    assert_eq!(state(&place.store, "A").await, CodeState::Redeemed);
}
