//! What the unsubscribe page says, by language. To add a language: one more [`Words`] in [`ALL`].

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
    /// Headline when it could not be stored.
    pub later_title: &'static str,
    /// What to do then.
    pub later_text: &'static str,
    /// Link to the page where one chooses.
    pub choose: &'static str,
    /// Link to the shop.
    pub to_shop: &'static str,
    /// Headline for a link of a letter that was sent as a test.
    pub test_title: &'static str,
    /// What that means.
    pub test_text: &'static str,
    /// Headline for a link that is not one of ours.
    pub unknown_title: &'static str,
    /// What may be wrong with it.
    pub unknown_text: &'static str,
    marketing: &'static str,
    transactional: &'static str,
}

impl Words {
    /// What letters of a purpose are called; a configured purpose goes by its own name.
    pub fn purpose(&self, purpose: &str) -> String {
        match purpose {
            "marketing" => self.marketing.to_owned(),
            "transactional" => self.transactional.to_owned(),
            other => other.to_owned(),
        }
    }
}

/// The texts for a locale such as `ru-RU`; English where there are none.
pub fn of(locale: &str) -> &'static Words {
    in_language(&ALL, locale, |words| words.lang)
}

const ALL: [Words; 3] = [
    Words {
        lang: "en",
        ask_title: "Stop these e-mails?",
        ask_text: "Press the button and we will not send you these any more:",
        button: "Unsubscribe",
        done_title: "You are unsubscribed",
        done_text: "It takes effect at once; only a letter that is already on its way may still arrive. \
                    From now on we will not send you:",
        later_title: "That did not work just now",
        later_text: "Your wish could not be saved. Please press the button again in a moment.",
        choose: "Fewer letters, a pause, other letters instead",
        to_shop: "To the shop",
        test_title: "This letter was a test",
        test_text: "In a letter to a customer this link unsubscribes or lets choose. Here nothing was changed.",
        unknown_title: "This link does not work",
        unknown_text: "It may have been cut off. Please open the whole link from the letter.",
        marketing: "news and offers",
        transactional: "letters about your orders",
    },
    Words {
        lang: "ru",
        ask_title: "Отписаться от писем?",
        ask_text: "Нажмите кнопку, и мы больше не будем присылать вам:",
        button: "Отписаться",
        done_title: "Вы отписаны",
        done_text: "Отписка действует сразу; может прийти только письмо, которое уже в пути. \
                    Больше мы не будем присылать вам:",
        later_title: "Сейчас не получилось",
        later_text: "Не удалось сохранить ваше решение. Пожалуйста, нажмите кнопку ещё раз через минуту.",
        choose: "Реже, с перерывом или другие письма",
        to_shop: "В магазин",
        test_title: "Это было пробное письмо",
        test_text: "В письме покупателю по этой ссылке отписываются или выбирают письма. Здесь ничего не изменилось.",
        unknown_title: "Ссылка не работает",
        unknown_text: "Возможно, она обрезана. Откройте ссылку из письма целиком.",
        marketing: "новости и предложения",
        transactional: "письма о ваших заказах",
    },
    Words {
        lang: "de",
        ask_title: "Diese E-Mails abbestellen?",
        ask_text: "Drücken Sie den Knopf, und wir schicken Ihnen nicht mehr:",
        button: "Abbestellen",
        done_title: "Sie sind abgemeldet",
        done_text: "Es gilt sofort; nur ein Brief, der schon unterwegs ist, kann noch ankommen. \
                    Von jetzt an schicken wir Ihnen nicht mehr:",
        later_title: "Das hat gerade nicht geklappt",
        later_text: "Ihr Wunsch konnte nicht gespeichert werden. Bitte drücken Sie den Knopf gleich noch einmal.",
        choose: "Weniger Briefe, eine Pause, andere Briefe",
        to_shop: "Zum Laden",
        test_title: "Dieser Brief war eine Probe",
        test_text: "In einem Brief an Kunden meldet dieser Link ab oder lässt wählen. Hier wurde nichts geändert.",
        unknown_title: "Dieser Link funktioniert nicht",
        unknown_text: "Vielleicht ist er abgeschnitten. Bitte öffnen Sie den ganzen Link aus dem Brief.",
        marketing: "Neuigkeiten und Angebote",
        transactional: "Briefe zu Ihren Bestellungen",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_finds_its_language_and_english_otherwise() {
        for (locale, lang) in
            [("ru", "ru"), ("ru-RU", "ru"), ("RU_ru", "ru"), ("en-GB", "en"), ("de-AT", "de"), ("fr", "en"), ("", "en")]
        {
            assert_eq!(of(locale).lang, lang, "{locale}");
        }
    }
}
