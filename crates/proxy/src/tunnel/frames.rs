//! Where one WebSocket frame ends and the next begins (RFC 6455, 5.2), read off
//! the bytes that pass: a frame of our own may only go in between.

/// What tells a browser that the service restarts, and that it may come back:
/// an unmasked Close frame with code 1012 (the registry of RFC 6455, 11.7).
pub(super) const SERVICE_RESTART: [u8; 4] = [0x88, 0x02, 0x03, 0xF4];

/// The opcode of a Close frame, after which its sender sends nothing more.
const CLOSE: u8 = 0x8;

const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    at: At,
    /// Whether a Close frame has begun: nothing may follow it.
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// Between two frames.
    #[default]
    Start,
    /// After the first byte.
    Length,
    /// In the bytes of a long length: what is known of it, how many are to
    /// come, and whether a mask follows.
    LongLength { known: u64, left: u8, masked: bool },
    /// In the mask, with a payload of this many bytes after it.
    Mask { left: u8, payload: u64 },
    /// In the payload.
    Payload { left: u64 },
}

impl Frames {
    /// Follows `bytes`.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if let At::Payload { left } = self.at {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(here..).unwrap_or_default();
                self.at = payload(left - here as u64);
                continue;
            }
            bytes = rest;
            self.at = match self.at {
                At::Start => {
                    self.closed |= first & OPCODE == CLOSE;
                    At::Length
                }
                At::Length => {
                    let masked = first & MASKED != 0;
                    match first & LENGTH {
                        126 => At::LongLength { known: 0, left: 2, masked },
                        127 => At::LongLength { known: 0, left: 8, masked },
                        short => mask_or_payload(masked, short.into()),
                    }
                }
                At::LongLength { known, left, masked } => {
                    let known = known << 8 | u64::from(first);
                    match left {
                        1 => mask_or_payload(masked, known),
                        _ => At::LongLength { known, left: left - 1, masked },
                    }
                }
                At::Mask { left: 1, payload: left } | At::Payload { left } => payload(left),
                At::Mask { left, payload } => At::Mask { left: left - 1, payload },
            };
        }
    }

    /// Whether a frame may go in here.
    pub(super) fn is_between(&self) -> bool {
        self.at == At::Start && !self.closed
    }
}

fn mask_or_payload(masked: bool, length: u64) -> At {
    if masked { At::Mask { left: 4, payload: length } } else { payload(length) }
}

fn payload(left: u64) -> At {
    if left == 0 { At::Start } else { At::Payload { left } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask_bit = if masked { MASKED } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(mask_bit | u8::try_from(length).unwrap()),
            126..=0xFFFF => {
                frame.push(mask_bit | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask_bit | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        // Bytes that look like headers, to catch a reader that lost its place.
        frame.extend(std::iter::repeat_n(0x88, length));
        frame
    }

    proptest! {
        #[test]
        fn only_the_ends_of_frames_are_between(
            frames in prop::collection::vec(
                (prop::sample::select(vec![0_u8, 1, 2, 9, 10]),
                 prop::sample::select(vec![0_usize, 1, 125, 126, 300, 65_535, 65_536]),
                 any::<bool>()),
                1..5),
            piece in 1_usize..4_000,
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for (opcode, length, masked) in frames {
                bytes.extend(frame(opcode, length, masked));
                ends.push(bytes.len());
            }
            let mut tracker = Frames::default();
            let mut passed = 0;
            for part in bytes.chunks(piece) {
                tracker.pass(part);
                passed += part.len();
                prop_assert_eq!(tracker.is_between(), ends.contains(&passed), "after {}", passed);
                prop_assert!(!tracker.closed);
            }
        }

        #[test]
        fn no_bytes_make_it_stumble(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            Frames::default().pass(&bytes);
        }
    }

    #[test]
    fn after_a_close_there_is_no_place_for_another() {
        let mut tracker = Frames::default();
        tracker.pass(&SERVICE_RESTART[..1]);
        assert!(tracker.closed && !tracker.is_between());
        tracker.pass(&SERVICE_RESTART[1..]);
        assert!(!tracker.is_between());
        assert_eq!(tracker.at, At::Start);
    }

    #[test]
    fn ours_is_a_whole_close_with_1012() {
        let [first, length, code @ ..] = SERVICE_RESTART;
        assert_eq!((first, length, u16::from_be_bytes(code)), (0x80 | CLOSE, 2, 1012));
    }
}
