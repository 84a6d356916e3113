//! Many values in three: the middle one, the one below which 95 % are, and the largest.

use jiff::Timestamp;

use crate::bench::figures::Figures;

/// Values in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread(Vec<f64>);

impl FromIterator<f64> for Spread {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }
}

impl Spread {
    /// The value that so many percent of them do not exceed; 0 where there is none.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    pub(super) fn most(&self) -> f64 {
        self.percentile(100)
    }

    /// Adds them as figures, of which the largest may have a goal. Nothing, where there is no value.
    pub(super) fn tell(&self, figures: &mut Figures, title: &str, unit: &'static str, goal: Option<f64>) {
        if self.0.is_empty() {
            return;
        }
        figures.add(format!("{title}, median of {}", self.0.len()), self.percentile(50), unit);
        figures.add(format!("{title}, 95 %"), self.percentile(95), unit);
        match goal {
            Some(goal) => figures.at_most(goal, format!("{title}, most"), self.most(), unit),
            None => figures.add(format!("{title}, most"), self.most(), unit),
        }
    }
}

/// The seconds from one moment to another; below 0 where the other one was earlier.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_middle_almost_all_and_all() {
        let of = |values: &[f64]| {
            let spread: Spread = values.iter().copied().collect();
            [50, 95, 100].map(|percent| format!("{:.0}", spread.percentile(percent))).join(" ")
        };
        assert_eq!(of(&[]), "0 0 0");
        assert_eq!(of(&[7.0]), "7 7 7");
        assert_eq!(of(&[3.0, 1.0, 2.0]), "2 3 3");
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(of(&hundred), "50 95 100");
    }
}
