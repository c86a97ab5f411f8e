//! Text from elsewhere on one line of a terminal or a log: nothing in it moves the cursor, colours, or turns letters around.

/// `text` with everything that is not shown as itself written as an escape, as in `\u{1b}`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_plain(letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_unicode());
        }
    }
    shown
}

fn is_plain(letter: char) -> bool {
    let turns_or_hides = matches!(letter,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}');
    !letter.is_control() && !turns_or_hides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_letters_is_written_out() {
        assert_eq!(plain("Ada Élise 名前 \"x\" \\"), "Ada Élise 名前 \"x\" \\");
        assert_eq!(
            plain("a\x1b[2Jb\r\nc\u{9b}d\u{202e}e\u{2028}"),
            "a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{9b}d\\u{202e}e\\u{2028}"
        );
    }
}
