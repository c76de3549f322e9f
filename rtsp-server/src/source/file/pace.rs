//! How fast a session plays: Scale, which says what is shown, and Speed, which says when it is delivered.

use std::time::Duration;

/// Hundredths in one.
const ONE: i64 = 100;
/// Forward, slowest and fastest; backward it is the same mirrored.
const SLOWEST: f64 = 0.5;
const FASTEST: f64 = 8.0;
/// Up to this scale all frames are sent: the rate of bytes stays close to that of normal play (RFC 7826 §18.46).
const ALL_FRAMES: i64 = 125;
/// Delivery at less than a tenth of real time is a pause.
const LEAST_SPEED: i64 = 10;

/// The scales that video can be played at, as Media-Properties tells them: ranges in steps of a hundredth.
pub(crate) const SCALES: [(f64, f64); 2] = [(-FASTEST, -SLOWEST), (SLOWEST, FASTEST)];

/// How fast media may be delivered over a transport, in hundredths of real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The connection itself says how much it takes.
    Stream,
    /// Nothing says that too much was sent, so it is bounded.
    Datagrams,
}

/// Both, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    scale: i64,
    speed: i64,
}

impl Pace {
    /// Forward, in real time.
    pub(crate) const NORMAL: Self = Self {
        scale: ONE,
        speed: ONE,
    };

    /// The supported scale that is closest to the one asked for (RFC 7826 §18.46). Without video there is only 1.
    pub(crate) fn scaled(self, asked: f64, video: bool) -> Self {
        let scale = match asked {
            _ if !video => ONE,
            asked if asked < 0.0 => -hundredths(-asked),
            asked => hundredths(asked),
        };
        Self { scale, ..self }
    }

    /// The fastest delivery that is not faster than `most` (RFC 7826 §18.50).
    pub(crate) fn delivered(self, most: f64, delivery: Delivery) -> Self {
        let limit = match delivery {
            Delivery::Stream => 100_000,
            Delivery::Datagrams => 400,
        };
        // A hair more, so that 0.29 is not 0.28.
        let speed = (most.min(limit as f64) * ONE as f64 + 1e-6) as i64;
        let speed = speed.clamp(LEAST_SPEED, limit);
        Self { speed, ..self }
    }

    pub(crate) fn scale(self) -> f64 {
        self.scale as f64 / ONE as f64
    }

    pub(crate) fn speed(self) -> f64 {
        self.speed as f64 / ONE as f64
    }

    pub(super) const fn backwards(self) -> bool {
        self.scale < 0
    }

    pub(super) const fn same_scale(self, other: Self) -> bool {
        self.scale == other.scale
    }

    pub(super) const fn is_normal_scale(self) -> bool {
        self.scale == ONE
    }

    /// Whether all frames of a video go out.
    pub(super) const fn all_frames(self) -> bool {
        self.scale > 0 && self.scale <= ALL_FRAMES
    }

    /// How long it takes to show what lies between two times of the media: negative for what lies behind.
    pub(super) fn rendered(self, media: i64) -> i64 {
        ratio(media, ONE, self.scale)
    }

    /// How far the media go on while this is shown.
    pub(super) fn media(self, rendered: i64) -> i64 {
        ratio(rendered, self.scale, ONE)
    }

    /// How long it takes to deliver what is shown in `rendered`.
    pub(super) fn delivery(self, rendered: i64) -> Duration {
        let nanos = ratio(rendered, ONE, self.speed);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// What is shown of what is delivered within this time.
    pub(super) fn delivered_in(self, time: Duration) -> i64 {
        let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        ratio(nanos, self.speed, ONE)
    }
}

fn hundredths(scale: f64) -> i64 {
    (scale.clamp(SLOWEST, FASTEST) * ONE as f64).round() as i64
}

/// `value * over / under`, rounded down.
fn ratio(value: i64, over: i64, under: i64) -> i64 {
    if over == under {
        return value;
    }
    let (over, under) = match under < 0 {
        true => (-over, -under),
        false => (over, under.max(1)),
    };
    let scaled = (i128::from(value) * i128::from(over)).div_euclid(i128::from(under));
    i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_range_07_r1_hdr_13_the_closest_scale_that_there_is() {
        for (asked, scale) in [
            (1.0, 1.0),
            (2.0, 2.0),
            (-1.0, -1.0),
            (0.5, 0.5),
            (2.345_67, 2.35),
            (100.0, 8.0),
            (1e11, 8.0),
            (0.001, 0.5),
            (-0.1, -0.5),
            (-1e11, -8.0),
        ] {
            assert_eq!(Pace::NORMAL.scaled(asked, true).scale(), scale, "{asked}");
            assert_eq!(Pace::NORMAL.scaled(asked, false).scale(), 1.0, "{asked}");
        }
    }

    #[test]
    fn speeds_within_what_a_transport_bears() {
        for (most, stream, datagrams) in [
            (1.0, 1.0, 1.0),
            (0.29, 0.29, 0.29),
            (2.559, 2.55, 2.55),
            (0.000_000_1, 0.1, 0.1),
            (10.0, 10.0, 4.0),
            (1e11, 1000.0, 4.0),
        ] {
            let speed = |delivery| Pace::NORMAL.delivered(most, delivery).speed();
            assert_eq!(speed(Delivery::Stream), stream, "{most}");
            assert_eq!(speed(Delivery::Datagrams), datagrams, "{most}");
        }
    }

    #[test]
    fn times_there_and_back() {
        let pace = Pace::NORMAL.scaled(-2.0, true);
        assert_eq!(pace.rendered(-4000), 2000);
        assert_eq!(pace.media(2000), -4000);
        assert_eq!(
            Pace::NORMAL.scaled(-8.0, true).rendered(i64::MIN + 1),
            1_152_921_504_606_846_975
        );
        let fast = Pace::NORMAL.delivered(4.0, Delivery::Datagrams);
        assert_eq!(fast.delivery(4000), Duration::from_nanos(1000));
        assert_eq!(fast.delivered_in(Duration::from_nanos(1000)), 4000);
        assert_eq!(fast.delivered_in(Duration::MAX), i64::MAX);
    }
}
