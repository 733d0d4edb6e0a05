//! What the preference page says, by language. To add a language: one more [`Words`] in [`ALL`].

use serde::Serialize;

use crate::web::pages::in_language;

/// The page's texts in one language.
#[derive(Debug, Serialize)]
pub struct Words {
    /// Language code, also the page's `lang`.
    pub lang: &'static str,
    /// Headline.
    pub title: &'static str,
    /// What the page is for.
    pub intro: &'static str,
    /// What is said once it is saved.
    pub saved: &'static str,
    /// What is said when it could not be.
    pub later: &'static str,
    /// Above the purposes.
    pub purposes: &'static str,
    /// Above the maps.
    pub maps: &'static str,
    /// Above the numbers of letters.
    pub often: &'static str,
    /// No wish.
    pub as_they_come: &'static str,
    /// One a week.
    pub one_a_week: &'static str,
    /// Two a week.
    pub two_a_week: &'static str,
    /// More a week; the number stands for `{n}`.
    pub some_a_week: &'static str,
    /// Above the pause.
    pub pause: &'static str,
    /// Beside the box that begins one.
    pub pause_now: &'static str,
    /// While there is one; the day stands for `{day}`.
    pub paused: &'static str,
    /// How a day is written.
    pub day: &'static str,
    /// Beside the box that ends one.
    pub go_on: &'static str,
    /// Above the languages.
    pub language: &'static str,
    /// Above tracking.
    pub tracking: &'static str,
    /// Beside its box.
    pub track_me: &'static str,
    /// What letters heed none of it.
    pub always: &'static str,
    /// The button.
    pub save: &'static str,
}

/// The texts for a locale such as `ru-RU`; English where there are none.
pub fn of(locale: &str) -> &'static Words {
    in_language(&ALL, locale, |words| words.lang)
}

/// What a language calls itself; the code of one that is not known here.
pub fn language(locale: &str) -> String {
    let known = [
        ("en", "English"),
        ("ru", "Русский"),
        ("de", "Deutsch"),
        ("fr", "Français"),
        ("es", "Español"),
        ("it", "Italiano"),
        ("pl", "Polski"),
        ("uk", "Українська"),
        ("kk", "Қазақша"),
        ("pt", "Português"),
        ("nl", "Nederlands"),
        ("tr", "Türkçe"),
    ];
    let (code, rest) = locale.split_once(['-', '_']).map_or((locale, ""), |(code, rest)| (code, rest));
    let name = known.iter().find(|(known, _)| code.eq_ignore_ascii_case(known)).map_or(code, |(_, name)| name);
    if rest.is_empty() { name.to_owned() } else { format!("{name} ({rest})") }
}

const ALL: [Words; 3] = [
    Words {
        lang: "en",
        title: "Which e-mails would you like?",
        intro: "Choose, and press the button below. It takes effect at once.",
        saved: "Saved. It takes effect at once.",
        later: "That did not work just now: nothing was changed. Please press the button again in a moment.",
        purposes: "I would like to get",
        maps: "Letters about",
        often: "How often",
        as_they_come: "As they come",
        one_a_week: "At most one a week",
        two_a_week: "At most two a week",
        some_a_week: "At most {n} a week",
        pause: "A pause",
        pause_now: "No letters for the next 30 days",
        paused: "You get no letters until {day}.",
        day: "%-d %B %Y",
        go_on: "Go on now",
        language: "Language",
        tracking: "Privacy",
        track_me: "The shop may note which letters I open and which links I follow",
        always: "Letters about your orders come in any case.",
        save: "Save",
    },
    Words {
        lang: "ru",
        title: "Какие письма вам присылать?",
        intro: "Выберите и нажмите кнопку внизу. Изменения действуют сразу.",
        saved: "Сохранено. Изменения уже действуют.",
        later: "Сейчас не получилось, ничего не изменилось. Пожалуйста, нажмите кнопку ещё раз через минуту.",
        purposes: "Я хочу получать",
        maps: "Письма на темы",
        often: "Как часто",
        as_they_come: "По мере появления",
        one_a_week: "Не больше одного в неделю",
        two_a_week: "Не больше двух в неделю",
        some_a_week: "Не больше {n} в неделю",
        pause: "Пауза",
        pause_now: "Не присылать писем 30 дней",
        paused: "Письма не приходят до {day}.",
        day: "%d.%m.%Y",
        go_on: "Возобновить сейчас",
        language: "Язык",
        tracking: "Конфиденциальность",
        track_me: "Магазин может отмечать, какие письма я открываю и по каким ссылкам перехожу",
        always: "Письма о ваших заказах приходят в любом случае.",
        save: "Сохранить",
    },
    Words {
        lang: "de",
        title: "Welche E-Mails möchten Sie?",
        intro: "Wählen Sie aus und drücken Sie den Knopf am Ende. Es gilt sofort.",
        saved: "Gespeichert. Es gilt ab sofort.",
        later: "Das hat gerade nicht geklappt, nichts wurde geändert. Bitte drücken Sie den Knopf gleich noch einmal.",
        purposes: "Ich möchte bekommen",
        maps: "Briefe über",
        often: "Wie oft",
        as_they_come: "Wie sie kommen",
        one_a_week: "Höchstens einer pro Woche",
        two_a_week: "Höchstens zwei pro Woche",
        some_a_week: "Höchstens {n} pro Woche",
        pause: "Pause",
        pause_now: "30 Tage lang keine Briefe",
        paused: "Bis zum {day} bekommen Sie keine Briefe.",
        day: "%d.%m.%Y",
        go_on: "Jetzt fortsetzen",
        language: "Sprache",
        tracking: "Privatsphäre",
        track_me: "Der Laden darf festhalten, welche Briefe ich öffne und welchen Links ich folge",
        always: "Briefe zu Ihren Bestellungen kommen in jedem Fall.",
        save: "Speichern",
    },
];
