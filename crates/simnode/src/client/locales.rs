//! The languages of the client: one file of messages each.

use super::dice::Dice;

/// The languages there are files for.
pub(crate) const LANGUAGES: [&str; 60] = [
    "af", "ar", "az", "bg_BG", "bn", "ca", "cs_CZ", "da", "de", "dv", "el_GR", "en", "eo", "es",
    "es_419", "es_ES", "es_MX", "et", "eu", "fa_IR", "fi", "fr", "gl", "he", "hi_IN", "hr",
    "hu_HU", "hy", "id", "it_IT", "ja", "ka", "km", "kn", "ko_KR", "lo_LA", "lt_LT", "lv", "ml",
    "mn_MN", "nb_NO", "nl", "oc", "pl_PL", "pt", "pt_BR", "ro_RO", "ru", "sk_SK", "sl", "sr",
    "sv_SE", "ta", "te", "th", "tr_TR", "uk_UA", "vi_VN", "zh_CN", "zh_TW",
];

/// How many messages the complete language has.
const MESSAGES: u64 = 1_150;

/// Alphabets by the first letters of a language; the rest write Latin.
const LATIN: &str = "eeeeaaiioonnrrssttldcumpgbhvfkzy";
const ALPHABETS: [(&[&str], &str); 5] = [
    (&["bg", "mn", "ru", "sr", "uk"], "ооааееиинтсрвлкмдпу"),
    (&["ar", "fa", "he", "dv"], "اليمنوترسهبدكعفقحة"),
    (&["el"], "αοιετσνηυρπκμλ"),
    (&["hi", "bn", "ta", "te", "kn", "ml", "km", "th", "lo"], "कारनमसतीलेपहयवद"),
    (&["ja", "ko", "zh"], "会議室参加者音声画面共有設定開始終了時間投票"),
];

/// The file of a language. What the page itself shows is translated where
/// `own` (a JSON object) has it; the rest only looks like a language.
pub(super) fn messages(language: &str, own: Option<&str>) -> String {
    let mut text = String::with_capacity(96 * 1024);
    text.push_str("{\n");
    if let Some((lines, _)) = own.and_then(|own| own.trim().strip_prefix("{\n")?.rsplit_once('\n'))
    {
        text.push_str(lines);
        text.push_str(",\n");
    }
    let words = words(language);
    let mut dice = Dice::of(language, 1);
    // Few translations are complete.
    let translated = match language {
        "en" => 100,
        _ => 55 + dice.below(45),
    };
    let mut keys = Dice::of("keys", 0);
    let mut first = true;
    for number in 0..MESSAGES {
        let key = key(&mut keys, number);
        let length = 2 + dice.below(9);
        if dice.below(100) >= translated {
            continue;
        }
        if !std::mem::take(&mut first) {
            text.push_str(",\n");
        }
        text.push_str("    \"");
        text.push_str(&key);
        text.push_str("\": \"");
        for at in 0..length {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(&words[dice.skewed(words.len())]);
        }
        text.push('"');
    }
    text.push_str("\n}\n");
    text
}

/// The language there is a file for that fits what a browser asks for best.
pub(crate) fn known_language(asked: &str) -> &'static str {
    let asked = asked.replace('-', "_");
    let base = asked.split('_').next().unwrap_or_default();
    let find = |wanted: &str| LANGUAGES.iter().find(|language| **language == wanted);
    let regional = || LANGUAGES.iter().find(|language| language.split('_').next() == Some(base));
    find(&asked).or_else(|| find(base)).or_else(regional).unwrap_or(&"en")
}

fn key(dice: &mut Dice, number: u64) -> String {
    const PARTS: [&str; 24] = [
        "userList",
        "chat",
        "poll",
        "audio",
        "video",
        "presentation",
        "breakout",
        "settings",
        "toast",
        "menu",
        "modal",
        "notes",
        "captions",
        "screenshare",
        "layout",
        "timer",
        "guest",
        "label",
        "description",
        "title",
        "button",
        "error",
        "start",
        "confirm",
    ];
    let (first, second) = (dice.skewed(PARTS.len()), dice.below(PARTS.len()));
    format!("app.{}.{}{number}", PARTS[first], PARTS[second])
}

fn words(language: &str) -> Vec<String> {
    let alphabet = ALPHABETS
        .iter()
        .find(|(prefixes, _)| prefixes.iter().any(|prefix| language.starts_with(prefix)))
        .map_or(LATIN, |(_, letters)| letters);
    let letters: Vec<char> = alphabet.chars().collect();
    let mut dice = Dice::of(language, 0);
    (0..700)
        .map(|_| (0..2 + dice.below(8)).map(|_| letters[dice.below(letters.len())]).collect())
        .collect()
}
