//! Chromium's permission prompt, read off the screen and answered with the mouse.
//!
//! The prompt is part of the browser's own window and no page or protocol can see or press it; that
//! is why it is worth asking for only once. It shows three pale-blue buttons of one size under each
//! other, near the address bar: "Allow while visiting the site", "Allow this time", "Never allow".

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::display::Display;
use crate::eventually::eventually;
use crate::image::{Colour, Image, Rectangle};

/// The buttons' fill in the light theme.
const PALE_BLUE: Colour = Colour { red: 0xd3, green: 0xe3, blue: 0xfd };

/// How much a channel of a button's fill may differ.
const TOLERANCE: u8 = 6;

/// Pixels of text that a button's fill may be interrupted by.
const TEXT_GAP: usize = 16;

/// Widths a button may have.
const BUTTON_WIDTH: std::ops::RangeInclusive<usize> = 180..=440;

/// Heights a button may have.
const BUTTON_HEIGHT: std::ops::RangeInclusive<usize> = 26..=56;

/// Space there may be between two buttons.
const BUTTON_SPACE: std::ops::RangeInclusive<usize> = 3..=16;

/// How many buttons under each other make a prompt.
const BUTTONS: usize = 3;

/// Chromium ignores clicks on a prompt that was shown just now, so that nobody allows by accident
/// what appears under the pointer: a prompt is answered once it has stood still for this long.
const STANDS_STILL: Duration = Duration::from_millis(900);

/// How long a prompt may take to close after the click.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A prompt that was answered by one click.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The prompt's buttons; the first one was clicked.
    pub buttons: Vec<Rectangle>,
    /// What the screen showed just before the click.
    pub screen: Image,
}

/// Waits for the permission prompt, clicks "Allow while visiting the site", once, and sees the
/// prompt go.
///
/// # Errors
///
/// When no prompt shows within the time, or it does not close after the click.
pub async fn answer_permission_prompt(display: &Display, within: Duration) -> Result<Answered> {
    let mut standing: Option<(Vec<Rectangle>, Instant)> = None;
    let seen = eventually("the browser asks for permission", within, || {
        let found = look(display).transpose();
        let settled = match found {
            None => {
                standing = None;
                None
            }
            Some(Err(error)) => Some(Err(error)),
            Some(Ok(buttons)) => match &standing {
                Some((before, since)) if *before == buttons => {
                    (since.elapsed() >= STANDS_STILL).then_some(Ok(buttons))
                }
                _ => {
                    standing = Some((buttons, Instant::now()));
                    None
                }
            },
        };
        async move { settled }
    });
    let buttons = seen.await??;
    let allow = buttons.first().context("a prompt has buttons")?;
    let screen = display.screenshot()?;
    display.click(allow.centre())?;
    eventually("the prompt closes after it was answered", CLOSE_LIMIT, || {
        let closed = match look(display) {
            Ok(None) => Some(Ok(())),
            Ok(Some(_)) => None,
            Err(error) => Some(Err(error)),
        };
        async move { closed }
    })
    .await??;
    Ok(Answered { buttons, screen })
}

/// Waits until the permission prompt shows, and leaves it unanswered.
///
/// # Errors
///
/// When none shows within the time.
pub async fn wait_for_prompt(display: &Display, within: Duration) -> Result<Vec<Rectangle>> {
    eventually("the browser asks for permission", within, || {
        let seen = look(display).transpose();
        async move { seen }
    })
    .await?
}

/// Checks that no permission prompt is on the screen.
///
/// # Errors
///
/// When there is one.
pub fn no_prompt(display: &Display) -> Result<()> {
    match look(display)? {
        None => Ok(()),
        Some(buttons) => bail!("the browser asks for permission: buttons at {buttons:?}"),
    }
}

fn look(display: &Display) -> Result<Option<Vec<Rectangle>>> {
    Ok(find_prompt(&display.screenshot()?))
}

/// The buttons of the permission prompt on a picture, from the top, when it shows one.
#[must_use]
pub fn find_prompt(image: &Image) -> Option<Vec<Rectangle>> {
    let buttons = pale_buttons(image);
    buttons.windows(BUTTONS).find(|stack| stack.windows(2).all(are_stacked)).map(<[_]>::to_vec)
}

fn are_stacked(pair: &[Rectangle]) -> bool {
    let [upper, lower] = pair else { return false };
    upper.left == lower.left
        && upper.right == lower.right
        && upper.height().abs_diff(lower.height()) <= 1
        && lower.top > upper.bottom
        && BUTTON_SPACE.contains(&(lower.top - upper.bottom))
}

/// Areas of the buttons' colour and proportions in the left half of the picture, from the top.
fn pale_buttons(image: &Image) -> Vec<Rectangle> {
    let mut open: Vec<Rectangle> = Vec::new();
    let mut done: Vec<Rectangle> = Vec::new();
    for row in 0..image.height() {
        let runs = pale_runs(image, row);
        let (grown, closed): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|area| runs.iter().any(|run| run.0 <= area.right && run.1 >= area.left));
        done.extend(closed);
        open = grown;
        for (left, right) in runs {
            match open.iter_mut().find(|area| left <= area.right && right >= area.left) {
                Some(area) => {
                    area.left = area.left.min(left);
                    area.right = area.right.max(right);
                    area.bottom = row;
                }
                None => open.push(Rectangle { left, top: row, right, bottom: row }),
            }
        }
    }
    done.extend(open);
    done.retain(|area| {
        BUTTON_WIDTH.contains(&area.width()) && BUTTON_HEIGHT.contains(&area.height())
    });
    done.sort_by_key(|area| (area.left, area.top));
    done
}

/// Stretches of the buttons' colour in a row, wide enough for a button; text may interrupt them.
fn pale_runs(image: &Image, row: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for column in 0..image.width() / 2 {
        let pale =
            image.pixel(column, row).is_some_and(|pixel| pixel.is_near(PALE_BLUE, TOLERANCE));
        if !pale {
            continue;
        }
        match runs.last_mut() {
            Some((_, right)) if column - *right <= TEXT_GAP => *right = column,
            _ => runs.push((column, column)),
        }
    }
    runs.retain(|(left, right)| right - left + 1 >= *BUTTON_WIDTH.start());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Colour = Colour { red: 255, green: 255, blue: 255 };
    const INK: Colour = Colour { red: 4, green: 30, blue: 73 };

    fn button(top: usize) -> Rectangle {
        Rectangle { left: 146, top, right: 425, bottom: top + 37 }
    }

    fn draw(image: &mut Image, button: Rectangle) {
        image.fill(button, PALE_BLUE);
        for letter in 0..12 {
            let left = button.left + 60 + letter * 12;
            let (top, bottom) = (button.top + 12, button.top + 25);
            image.fill(Rectangle { left, top, right: left + 7, bottom }, INK);
        }
    }

    /// A window as the browser draws it: the tab strip has the buttons' colour too.
    fn window() -> Image {
        let mut image = Image::filled(1280, 900, WHITE);
        image.fill(Rectangle { left: 0, top: 0, right: 1279, bottom: 39 }, PALE_BLUE);
        image
    }

    #[test]
    fn three_stacked_buttons_are_a_prompt() {
        let mut image = window();
        let buttons = [button(323), button(369), button(415)];
        buttons.iter().for_each(|button| draw(&mut image, *button));
        assert_eq!(find_prompt(&image), Some(buttons.to_vec()));
    }

    #[test]
    fn a_plain_window_shows_none() {
        assert_eq!(find_prompt(&window()), None);
    }

    #[test]
    fn other_pale_areas_are_no_prompt() {
        let cases = [
            ("one button", vec![button(323)]),
            ("two buttons", vec![button(323), button(369)]),
            ("far apart", vec![button(323), button(400), button(480)]),
            ("touching", vec![button(323), button(361), button(399)]),
            ("a wide banner", vec![Rectangle { left: 0, top: 100, right: 630, bottom: 137 }]),
            (
                "of different widths",
                vec![button(323), Rectangle { right: 380, ..button(369) }, button(415)],
            ),
        ];
        for (name, areas) in cases {
            let mut image = window();
            areas.iter().for_each(|area| image.fill(*area, PALE_BLUE));
            assert_eq!(find_prompt(&image), None, "{name}");
        }
    }
}
