//! The words by which bounces in no standard form are known, as data and in lower case. To teach it a new one: a phrase here
//! and a mail in `tests/fixtures/returns`.

/// How the addresses begin that mail systems send from.
pub(super) const DAEMONS: [&str; 8] = [
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "postmaster",
    "microsoftexchange",
    "mdaemon",
    "noreply-daemon",
    "mailsystem",
];

/// What says that a letter did not arrive.
pub(super) const FAILED: &[&str] = &[
    "address not found",
    "could not be delivered",
    "couldn't be delivered",
    "couldn’t be delivered",
    "delivery to the following recipient failed",
    "delivery has failed",
    "delivery failed",
    "delivery failure",
    "delivery status notification (failure)",
    "did not reach",
    "failure notice",
    "message blocked",
    "message not delivered",
    "not be delivered",
    "not been delivered",
    "returned mail",
    "returned to sender",
    "unable to deliver",
    "undeliverable",
    "undelivered",
    "was not delivered",
    "wasn't able to deliver",
    "wasn't delivered",
    // German
    "konnte nicht zugestellt",
    "nicht zugestellt werden",
    "unzustellbar",
    "zustellung fehlgeschlagen",
    // Russian
    "не доставлено",
    "не может быть доставлено",
    "не удалось доставить",
    "невозможно доставить",
    "недоставленное",
    "ошибка доставки",
    // French, Spanish, Italian, Portuguese, Polish
    "n'a pas pu être remis",
    "échec de la remise",
    "no se ha podido entregar",
    "no se pudo entregar",
    "mancato recapito",
    "não pôde ser entregue",
    "nie można dostarczyć",
    // Japanese, Chinese
    "配信できません",
    "配信不能",
    "退信",
];

/// What says that a server goes on trying.
pub(super) const DELAYED: &[&str] = &[
    "delivery delayed",
    "delivery is delayed",
    "delivery incomplete",
    "delivery status notification (delay)",
    "has been delayed",
    "has not yet been delivered",
    "still being retried",
    "warning message only",
    "will be retried",
    "will continue to try",
    "will keep trying",
    "will retry for",
    "you do not need to resend",
    "zustellung verzögert",
    "zustellung verzögert sich",
    "wird weiterhin versucht",
    "доставка задерживается",
    "доставка сообщения отложена",
    "попытки доставки будут продолжены",
];

/// What begins the copy of the letter below a server's own words.
pub(super) const COPY_BELOW: &[&str] = &[
    "--- below this line is a copy of the message",
    "------ this is a copy of the message",
    "----- original message -----",
    "----- message header follows -----",
    "--- the header of the original message",
    "--- ende der fehlermeldung",
    "original message headers:",
    "original-nachricht",
    "the following is a copy of",
    "заголовки исходного сообщения",
    "--- копия исходного",
];
