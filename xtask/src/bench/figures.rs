//! Figures with their goals, as a table and as JSON.

use serde_json::{Value, json};

/// One figure.
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// The most that it should be.
    goal: Option<f64>,
}

/// All figures, in the order measured.
#[derive(Default)]
pub(super) struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a figure that has no goal.
    pub(super) fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.0.push(Figure { name: name.into(), value, unit, goal: None });
    }

    /// Adds a figure that should be at most `goal`.
    pub(super) fn at_most(&mut self, goal: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        self.0.push(Figure { name: name.into(), value, unit, goal: Some(goal) });
    }

    /// As a table for people.
    pub(super) fn table(&self) -> String {
        let width = self.0.iter().map(|f| f.name.chars().count()).max().unwrap_or_default();
        let line = |f: &Figure| {
            let goal = f.goal.map_or_else(String::new, |goal| {
                let mark = if f.value <= goal { "✓" } else { "✗" };
                format!("{mark} at most {}", short(goal))
            });
            format!("{:<width$}  {:>9} {:<12} {goal}", f.name, short(f.value), f.unit).trim_end().to_string()
        };
        self.0.iter().map(|f| line(f) + "\n").collect()
    }

    /// As JSON for machines.
    pub(super) fn json(&self, cores: usize) -> Value {
        let figures =
            self.0.iter().map(|f| json!({"name": f.name, "value": f.value, "unit": f.unit, "goal": f.goal}));
        json!({"cores": cores, "figures": figures.collect::<Vec<_>>()})
    }
}

/// A number with as many digits as it deserves.
fn short(value: f64) -> String {
    if (value - value.round()).abs() < 0.005 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn a_goal_is_kept_or_not() {
        let mut figures = Figures::default();
        figures.at_most(3.0, "reads", 3.0, "");
        figures.at_most(2.0, "status writes", 2.4, "");
        figures.add("memory", 12.345, "MiB");
        let lines: Vec<String> =
            figures.table().lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines, ["reads 3 ✓ at most 3", "status writes 2.40 ✗ at most 2", "memory 12.35 MiB"]);
    }
}
