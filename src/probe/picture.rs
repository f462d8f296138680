//! Pictures: what one is, and how much two look alike.

use std::fmt;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use image::{ImageFormat, ImageReader, Limits};
use image_hasher::{HashAlg, HasherConfig, ImageHash};

/// Of a picture that is looked at as a whole: what it takes in memory is four times as many bytes.
const PIXELS_MAX: u32 = 1 << 20;
const SIDE_MAX: u32 = 4096;
const DECODED_BYTES_MAX: u64 = 8 << 20;

/// What a picture's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: &'static str,
}

impl Picture {
    /// Reads the head of a PNG, JPEG, WebP or GIF file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
        let format = match reader.format() {
            Some(ImageFormat::Png) => "png",
            Some(ImageFormat::Jpeg) => "jpeg",
            Some(ImageFormat::WebP) => "webp",
            Some(ImageFormat::Gif) => "gif",
            _ => return Err("no picture of a format that every browser shows (png, jpeg, webp, gif)".to_owned()),
        };
        let (width, height) = reader.into_dimensions().map_err(|error| format!("a broken picture: {error}"))?;
        Ok(Self { width, height, format })
    }
}

/// What a picture looks like: scaled, recoloured a little and saved in another format, it stays what it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Looks(ImageHash);

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Looks({})", self.0.to_base64())
    }
}

impl Looks {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, String> {
        let Picture { width, height, .. } = Picture::read(bytes)?;
        if width.saturating_mul(height) > PIXELS_MAX {
            return Err(format!("a picture of {width}x{height} is too large to be compared"));
        }
        let mut limits = Limits::default();
        limits.max_alloc = Some(DECODED_BYTES_MAX);
        limits.max_image_width = Some(SIDE_MAX);
        limits.max_image_height = Some(SIDE_MAX);
        let mut reader =
            ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
        reader.limits(limits);
        let picture = reader.decode().map_err(|error| format!("a broken picture: {error}"))?;
        let hasher = HasherConfig::new().hash_alg(HashAlg::DoubleGradient).hash_size(16, 16).to_hasher();
        Ok(Self(hasher.hash_image(&picture)))
    }

    /// 0 for the same, about half of the bits for strangers.
    pub(super) fn distance(&self, other: &Self) -> u32 {
        self.0.dist(&other.0)
    }
}

/// A picture that was kept to compare others with.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) path: PathBuf,
    pub(super) looks: Arc<Looks>,
}

impl Original {
    pub(super) fn read(path: PathBuf) -> Result<Self, String> {
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let looks = Looks::of(&bytes).map_err(|why| format!("{}: {why}", path.display()))?;
        Ok(Self { path, looks: Arc::new(looks) })
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgb, RgbImage, imageops};

    use super::*;

    fn logo(side: u32) -> DynamicImage {
        let dot = |x: f64, y: f64| ((x - 0.3).powi(2) + (y - 0.4).powi(2)).sqrt() < 0.2 || (x > 0.6 && y > 0.5);
        let paint = |x, y| {
            let ink = dot(f64::from(x) / f64::from(side), f64::from(y) / f64::from(side));
            if ink { Rgb([20, 40, 160]) } else { Rgb([250, 250, 245]) }
        };
        RgbImage::from_fn(side, side, paint).into()
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).expect("a file");
        out.into_inner()
    }

    #[test]
    fn a_logo_stays_itself_in_other_sizes_and_formats_and_no_further() {
        let png = encoded(&logo(256), ImageFormat::Png);
        assert_eq!(Picture::read(&png), Ok(Picture { width: 256, height: 256, format: "png" }));
        let original = Looks::of(&png).expect("a picture");
        let half = encoded(&logo(128), ImageFormat::Jpeg);
        assert!(original.distance(&Looks::of(&half).expect("a picture")) <= 20);
        let turned = DynamicImage::from(imageops::rotate90(&logo(256).to_rgb8()));
        let other = Looks::of(&encoded(&turned, ImageFormat::Png)).expect("a picture");
        assert!(original.distance(&other) > 40, "{}", original.distance(&other));
    }

    #[test]
    fn hostile_pictures_are_refused() {
        Picture::read(b"<svg/>").expect_err("no picture");
        Picture::read(b"\x89PNG\r\n\x1a\n").expect_err("a torn one");
        // 60000 x 60000 pixels in a few bytes.
        let bomb = encoded(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
        let mut bomb = [&bomb[..16], &60000_u32.to_be_bytes(), &60000_u32.to_be_bytes(), &bomb[24..]].concat();
        let sum = crc(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&sum);
        assert!(Looks::of(&bomb).expect_err("too large").contains("60000x60000"));
    }

    /// Of a PNG chunk (ISO 3309).
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }
}
