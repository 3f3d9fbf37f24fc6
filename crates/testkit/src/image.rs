//! A picture of a screen: pixels to look for, and a PNG for a person.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A colour without transparency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Colour {
    /// Whether every channel differs by at most `tolerance`.
    #[must_use]
    pub fn is_near(self, other: Self, tolerance: u8) -> bool {
        self.red.abs_diff(other.red) <= tolerance
            && self.green.abs_diff(other.green) <= tolerance
            && self.blue.abs_diff(other.blue) <= tolerance
    }
}

/// A rectangle of pixels; `right` and `bottom` are the last ones inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Last column.
    pub right: usize,
    /// Last row.
    pub bottom: usize,
}

impl Rectangle {
    /// Columns it covers.
    #[must_use]
    pub fn width(self) -> usize {
        self.right - self.left + 1
    }

    /// Rows it covers.
    #[must_use]
    pub fn height(self) -> usize {
        self.bottom - self.top + 1
    }

    /// Its middle as (column, row).
    #[must_use]
    pub fn centre(self) -> (usize, usize) {
        (self.left.midpoint(self.right), self.top.midpoint(self.bottom))
    }
}

/// Rows of RGB pixels, three bytes each.
#[derive(Clone, Debug)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// An image of one colour.
    #[must_use]
    pub fn filled(width: usize, height: usize, colour: Colour) -> Self {
        let pixels = [colour.red, colour.green, colour.blue].repeat(width * height);
        Self { width, height, pixels }
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixel at a place, or nothing outside of the picture.
    #[must_use]
    pub fn pixel(&self, column: usize, row: usize) -> Option<Colour> {
        if column >= self.width {
            return None;
        }
        match self.pixels.get((row * self.width + column) * 3..)? {
            &[red, green, blue, ..] => Some(Colour { red, green, blue }),
            _ => None,
        }
    }

    /// Paints a rectangle; what is outside of the picture is left out.
    pub fn fill(&mut self, area: Rectangle, colour: Colour) {
        for row in area.top..=area.bottom.min(self.height - 1) {
            for column in area.left..=area.right.min(self.width - 1) {
                let start = (row * self.width + column) * 3;
                self.pixels[start..start + 3].copy_from_slice(&[
                    colour.red,
                    colour.green,
                    colour.blue,
                ]);
            }
        }
    }

    /// Writes a PNG, with the folders on its way.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save_png(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let (width, height) = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        encoder.write_header()?.write_image_data(&self.pixels)?;
        Ok(())
    }

    /// Reads an X window dump of a 24 bit screen, as Xvfb keeps one of its framebuffer.
    ///
    /// # Errors
    ///
    /// When the bytes are not such a dump.
    pub fn from_xwd(dump: &[u8]) -> Result<Self> {
        let word = |index: usize| -> Result<u32> {
            let bytes = dump.get(index * 4..index * 4 + 4).context("the dump's header is cut")?;
            Ok(u32::from_be_bytes(bytes.try_into()?))
        };
        let size = |index: usize| -> Result<usize> { Ok(usize::try_from(word(index)?)?) };
        ensure!(word(1)? == 7 && word(2)? == 2, "not a version 7 dump of a ZPixmap");
        let (width, height) = (size(4)?, size(5)?);
        let (little_endian, bits, stride, colours) =
            (word(7)? == 0, word(11)?, size(12)?, size(19)?);
        ensure!(little_endian && bits == 32, "only 32 bit pixels, least byte first, are read");
        ensure!(word(14)? == 0x00ff_0000, "red is not where it was expected");
        let start = size(0)? + colours * COLOUR_ENTRY;
        let mut pixels = Vec::with_capacity(width * height * 3);
        for row in 0..height {
            let from = start + row * stride;
            let line = dump.get(from..from + width * 4).context("the dump's pixels are cut")?;
            for pixel in line.chunks_exact(4) {
                pixels.extend_from_slice(&[pixel[2], pixel[1], pixel[0]]);
            }
        }
        Ok(Self { width, height, pixels })
    }
}

/// Bytes of one entry of a dump's colour map.
const COLOUR_ENTRY: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const BLUE: Colour = Colour { red: 1, green: 2, blue: 3 };

    fn dump(width: u32, height: u32, pixel: [u8; 4]) -> Vec<u8> {
        let mut words = [0_u32; 25];
        words[0] = 100;
        (words[1], words[2], words[4], words[5]) = (7, 2, width, height);
        (words[11], words[12], words[14], words[19]) = (32, width * 4 + 8, 0x00ff_0000, 2);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend([0xee; 24]);
        for _ in 0..height {
            bytes.extend(pixel.repeat(usize::try_from(width).unwrap()));
            bytes.extend([0xee; 8]);
        }
        bytes
    }

    #[test]
    fn a_dump_becomes_pixels() {
        let image = Image::from_xwd(&dump(3, 2, [3, 2, 1, 0])).unwrap();
        assert_eq!((image.width(), image.height()), (3, 2));
        assert!((0..3).all(|column| image.pixel(column, 1) == Some(BLUE)));
        assert_eq!((image.pixel(3, 0), image.pixel(0, 2)), (None, None));
    }

    #[test]
    fn a_cut_dump_is_refused() {
        let whole = dump(3, 2, [3, 2, 1, 0]);
        assert!(Image::from_xwd(&whole[..whole.len() - 20]).is_err());
        assert!(Image::from_xwd(&whole[..50]).is_err());
    }

    #[test]
    fn a_saved_picture_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/picture.png");
        Image::filled(4, 3, BLUE).save_png(&path).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (4, 3));
        assert_eq!(pixels, [1, 2, 3].repeat(12));
    }
}
