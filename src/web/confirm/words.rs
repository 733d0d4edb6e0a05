//! What the page of a confirmation says, by language. To add a language: one more [`Words`] in [`ALL`].

use serde::Serialize;

use crate::web::pages::in_language;

/// The page's texts in one language.
#[derive(Debug, Serialize)]
pub struct Words {
    /// Language code, also the page's `lang`.
    pub lang: &'static str,
    /// Question of the page with the button.
    pub ask_title: &'static str,
    /// What the button does.
    pub ask_text: &'static str,
    /// The button.
    pub button: &'static str,
    /// Headline once it is done.
    pub done_title: &'static str,
    /// What that means.
    pub done_text: &'static str,
    /// Headline where nothing waits any more.
    pub over_title: &'static str,
    /// Why that may be.
    pub over_text: &'static str,
    /// Headline when it could not be stored.
    pub later_title: &'static str,
    /// What to do then.
    pub later_text: &'static str,
}

/// The texts for a locale such as `ru-RU`; English where there are none.
pub fn of(locale: &str) -> &'static Words {
    in_language(&ALL, locale, |words| words.lang)
}

const ALL: [Words; 3] = [
    Words {
        lang: "en",
        ask_title: "Is that what you want?",
        ask_text: "Somebody asked for these letters with your e-mail address. Press the button, and we will send you:",
        button: "Yes, send them to me",
        done_title: "Thank you, it is confirmed",
        done_text: "You can change your mind at any time by the link at the foot of every letter.",
        over_title: "There is nothing to confirm",
        over_text: "It was taken back since, or the e-mail address was changed.",
        later_title: "That did not work just now",
        later_text: "Your answer could not be saved. Please press the button again in a moment.",
    },
    Words {
        lang: "ru",
        ask_title: "Вы этого хотите?",
        ask_text: "Кто-то подписался на эти письма с вашим адресом. Нажмите кнопку, и мы будем присылать вам:",
        button: "Да, присылайте",
        done_title: "Спасибо, подписка подтверждена",
        done_text: "Передумать можно в любой момент по ссылке внизу каждого письма.",
        over_title: "Подтверждать нечего",
        over_text: "С тех пор подписку отменили или сменили адрес почты.",
        later_title: "Сейчас не получилось",
        later_text: "Не удалось сохранить ваш ответ. Пожалуйста, нажмите кнопку ещё раз через минуту.",
    },
    Words {
        lang: "de",
        ask_title: "Möchten Sie das?",
        ask_text: "Jemand hat diese Briefe mit Ihrer E-Mail-Adresse bestellt. Drücken Sie den Knopf, und wir schicken Ihnen:",
        button: "Ja, schicken Sie sie mir",
        done_title: "Danke, es ist bestätigt",
        done_text: "Sie können es sich jederzeit anders überlegen: mit dem Link am Ende jedes Briefes.",
        over_title: "Es gibt nichts zu bestätigen",
        over_text: "Es wurde inzwischen zurückgenommen, oder die E-Mail-Adresse hat sich geändert.",
        later_title: "Das hat gerade nicht geklappt",
        later_text: "Ihre Antwort konnte nicht gespeichert werden. Bitte drücken Sie den Knopf gleich noch einmal.",
    },
];
