//! Draws a learning-rate range test: the loss over the learning rate, and the suggestion.

use super::range_test::RangeTest;
use cotangent_figure::plotters::prelude::DrawingBackend;
use cotangent_figure::{Area, Chart, Charts, Drawn, Figure};

impl RangeTest {
    fn charts(&self) -> Charts {
        let points = |losses: &[f64]| {
            let rates = self.learning_rates().iter().copied();
            rates.zip(losses.iter().copied()).collect::<Vec<_>>()
        };
        let mut chart = Chart::new("learning rate", "loss")
            .log_x()
            .line("loss of each step", points(self.losses()))
            .line("smoothed", points(self.smoothed_losses()));
        let fold = |(low, high): (f64, f64), &loss: &f64| (low.min(loss), high.max(loss));
        let smoothed = self.smoothed_losses().iter();
        let (low, high) = smoothed.fold((f64::INFINITY, f64::NEG_INFINITY), fold);
        // Divergence at the end must not flatten the rest.
        let room = 0.2 * (high - low);
        if room > 0.0 {
            chart = chart.y_range(low - room, high + room);
        }
        let note = match self.suggestion() {
            Some(rate) => {
                chart = chart.vertical(rate);
                format!("Dashed: the loss falls fastest at {rate:.1e}.")
            }
            None => "The loss does not fall at any learning rate.".to_owned(),
        };
        Charts::new("Learning-rate range test")
            .note(note)
            .push(chart)
    }
}

impl Figure for RangeTest {
    fn size(&self) -> (u32, u32) {
        self.charts().size()
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        self.charts().draw(area)
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::range_test;
    use cotangent_core::Result;
    use cotangent_figure::Figure;

    #[test]
    fn every_result_can_be_drawn() -> Result<()> {
        for loss in [
            |_: f64| 1.0,
            |rate: f64| 2.0 - rate,
            |rate: f64| rate.powi(9),
        ] {
            for steps in [2, 50] {
                let test = range_test(1e-4, 1.0, steps).run(|rate| Ok(loss(rate)))?;
                let svg = test.to_svg()?;
                let said = test
                    .suggestion()
                    .map_or("does not fall".to_owned(), |rate| {
                        format!("falls fastest at {rate:.1e}")
                    });
                assert!(svg.contains(&said), "{test}");
                assert!(test.to_png()?.len() > 1000);
            }
        }
        Ok(())
    }
}
