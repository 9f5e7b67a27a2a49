//! A page that shows a run.

mod curves;
mod page;
mod sections;

use super::create_folder;
use crate::{EpochRecord, History, Log, RunEnd, RunStart, StepRecord, Table};
use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{Error, ModuleExt, Result, replace_file};
use cotangent_figure::Figure;
use cotangent_nn::signal::Report;
use curves::Curves;
use page::Page;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Saves a run as one HTML file: its curves by epoch and by step, tables of metrics such as a
/// confusion matrix, the last signal report, the model, the settings and the versions.
///
/// The file needs no other file and has no script. It is written at the end of the run, whether the
/// run fails or not, and after an epoch if the last one was written 10 seconds ago. It is replaced
/// whole, unless a run is resumed that is complete already. Of a long run a point of a curve by
/// step is the mean of several steps.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::figure::{Chart, Charts};
/// use cotangent::train::HtmlReport;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.html");
///
/// let mut report = HtmlReport::new(&path).title("Digits");
/// // After the run, or before it.
/// let chart = Chart::new("x", "y").line("x²", (0..9).map(|x| (f64::from(x), f64::from(x * x))));
/// report.figure("A parabola", &Charts::new("").push(chart))?;
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HtmlReport {
    path: PathBuf,
    title: String,
    /// Titles and drawings as SVG.
    figures: Vec<(String, String)>,
    settings: Vec<(String, String)>,
    model: Option<String>,
    steps: Curves,
    /// Of the last epoch.
    tables: Vec<(String, Table)>,
    signal: Option<Report>,
    /// The page, without the figures that were added.
    page: Option<Page>,
    written: Option<Instant>,
    started: Instant,
    /// Whether a complete run was resumed, so far as is known.
    has_nothing_new: bool,
}

const UPDATE: Duration = Duration::from_secs(10);

impl HtmlReport {
    /// Creates a report. The run writes the file, and its folder if there is none.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            title: "Training run".to_owned(),
            figures: Vec::new(),
            settings: Vec::new(),
            model: None,
            steps: Curves::default(),
            tables: Vec::new(),
            signal: None,
            page: None,
            written: None,
            started: Instant::now(),
            has_nothing_new: false,
        }
    }

    /// Sets the title. The default is `Training run`.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a figure. After the run this writes the file again.
    ///
    /// # Errors
    /// The errors of [`Figure::to_svg`], and [`Error::Io`] if the file cannot be written.
    pub fn figure(&mut self, title: impl Into<String>, figure: &impl Figure) -> Result<()> {
        self.figures.push((title.into(), figure.to_svg()?));
        self.write()
    }

    /// Writes the page, if there is one.
    fn write(&mut self) -> Result<()> {
        let Some(page) = &self.page else {
            return Ok(());
        };
        self.written = Some(Instant::now());
        let html = page.with_figures(&self.figures);
        create_folder(&self.path).map_err(|error| Error::io(&self.path, error))?;
        replace_file(&self.path, html.as_bytes())
    }
}

impl HtmlReport {
    /// Makes the page of a run, below a line that says how far it is.
    fn compose(
        &mut self,
        state: &str,
        has_failed: bool,
        history: &History,
        best: Option<u64>,
    ) -> Result<()> {
        let class = if has_failed { " class=\"failed\"" } else { "" };
        let mut results = format!(
            "<section{class}>\n<h2>Result</h2>\n<p>{}</p>\n</section>\n",
            page::text(state)
        );
        results += &curves::by_epoch(history)?;
        results += &self.steps.by_step(history)?;
        if !history.is_empty() {
            results += &sections::epochs(history, best);
        }
        for (name, table) in &self.tables {
            results += &sections::heat(&heading(name), table);
        }
        self.page = Some(Page {
            title: self.title.clone(),
            results,
            details: sections::details(self)?,
        });
        self.write()
    }
}

/// Returns the name of a value as a heading.
fn heading(name: &str) -> String {
    let name = name.replace('_', " ");
    let mut rest = name.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).collect()
}

impl Log for HtmlReport {
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        self.settings = start.settings.to_vec();
        self.model = start.module.map(|module| module.summary().to_string());
        self.tables.clear();
        self.signal = None;
        self.page = None;
        self.written = None;
        self.started = Instant::now();
        self.has_nothing_new = start.resumed;
        if !start.resumed {
            self.steps = Curves::default();
        }
        Ok(())
    }

    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        self.has_nothing_new = false;
        for (name, value) in step.values() {
            self.steps.push(name, step.step, value);
        }
        Ok(())
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        self.has_nothing_new = false;
        self.tables = epoch.tables();
        if let Some(signal) = epoch.signal {
            self.signal = Some(signal.clone());
        }
        if self.written.unwrap_or(self.started).elapsed() < UPDATE {
            return Ok(());
        }
        let state = format!("in progress, {} epochs, {} steps", epoch.epoch, epoch.step);
        self.compose(&state, false, epoch.history, None)
    }

    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        if self.has_nothing_new && end.end.is_ok() && self.path.exists() {
            // The page has tables and a signal report, which this run has not made again.
            return Ok(());
        }
        let state = super::outcome(end, self.started.elapsed());
        let best = end.best.map(|(epoch, _)| epoch);
        self.compose(&state, end.end.is_err(), end.history, best)
    }

    fn state(&self) -> Result<StateDict> {
        self.steps.state()
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.steps.load_state(state)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::Rehearsal;
    use super::*;
    use crate::End;
    use cotangent_figure::{Chart, Charts};
    use std::fs::read_to_string;

    fn report(folder: &tempfile::TempDir) -> HtmlReport {
        let folder =
            std::env::var_os("COTANGENT_LOGS").map_or(folder.path().to_owned(), PathBuf::from);
        HtmlReport::new(folder.join("logs/run.html"))
    }

    #[test]
    fn a_report_has_all_sections_and_needs_no_other_file() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut report = report(&folder).title("The run");
        Rehearsal::whole(&mut report, "")?;
        let chart = Chart::new("x", "y").line("z", [(0.0, 1.0), (1.0, 2.0)]);
        report.figure("A line", &Charts::new("").push(chart))?;
        let html = read_to_string(&report.path)?;
        for title in [
            "Result",
            "Curves",
            "Curves by step",
            "Epochs",
            "Validation confusion matrix",
            "A line",
            "Signal report, step 0",
            "Model",
            "Settings",
            "Versions",
        ] {
            assert_eq!(
                html.matches(&format!("<h2>{title}</h2>")).count(),
                1,
                "{title}"
            );
        }
        assert!(
            html.contains("completed after 4 epochs, 12 steps"),
            "{html}"
        );
        // Of a class with 6 samples 5 are right.
        assert!(html.contains("<td class=\"h8\">5</td>"), "{html}");
        for other in ["<script", "src=", "href=", "url(", "@import"] {
            assert!(!html.contains(other), "{other}");
        }
        // Two curves by epoch, two by step, the signal report and the figure that was added.
        assert_eq!(html.matches("<svg role=\"img\"").count(), 6);
        assert!(html.contains("</th><td>rustc 1."), "{html}");
        Ok(())
    }

    #[test]
    fn a_killed_and_resumed_run_has_every_step_in_its_curves() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let report = |name| HtmlReport::new(folder.path().join(name));
        let curves = |name| -> Result<String> {
            let html = read_to_string(folder.path().join(name))?;
            let start = html.split("<h2>Curves by step</h2>").nth(1);
            let section = start.and_then(|rest| rest.split("</section>").next());
            Ok(section.unwrap_or_default().to_owned())
        };
        Rehearsal::whole(&mut report("whole"), "")?;
        Rehearsal::killed(report("killed"), || report("killed"))?;
        assert_eq!(curves("whole")?, curves("killed")?);
        assert!(curves("whole")?.contains("<svg"));
        Ok(())
    }

    #[test]
    fn a_complete_run_that_is_resumed_keeps_its_page() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("run.html");
        let mut run = Rehearsal::new("")?;
        let mut report = HtmlReport::new(&path);
        run.begin(&mut report)?;
        run.epoch(&mut report)?;
        run.end(&mut report, Ok(End::Completed))?;
        let page = read_to_string(&path)?;
        let mut again = HtmlReport::new(&path);
        again.load_state(&report.state()?)?;
        run.begin(&mut again)?;
        run.end(&mut again, Ok(End::Completed))?;
        assert_eq!(read_to_string(&path)?, page);
        // One that fails says so.
        run.begin(&mut again)?;
        run.end(&mut again, Err(&Error::other("no data")))?;
        assert!(read_to_string(&path)?.contains("failed: no data"));
        Ok(())
    }

    #[test]
    fn all_text_is_escaped() -> Result<()> {
        const EVIL: &str = "</text></svg><script>alert(1)</script>\"'&\0";
        let folder = tempfile::tempdir()?;
        let mut report = report(&folder).title(EVIL);
        let mut run = Rehearsal::new(EVIL)?;
        run.begin(&mut report)?;
        run.epoch(&mut report)?;
        report.figure(
            EVIL,
            &Charts::new(EVIL).push(Chart::new(EVIL, EVIL).line(EVIL, [])),
        )?;
        run.end(&mut report, Err(&Error::other(EVIL)))?;
        let html = read_to_string(&report.path)?;
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(
            html.matches("</svg>").count(),
            html.matches("<svg ").count()
        );
        assert!(html.matches("&lt;script&gt;").count() > 10);
        assert!(html.contains("<section class=\"failed\">\n<h2>Result</h2>\n<p>failed: &lt;/text"));
        assert!(!html.contains('\0'));
        Ok(())
    }

    #[test]
    fn a_run_without_epochs_and_a_path_that_cannot_be_written() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let run = Rehearsal::new("")?;
        let mut report = HtmlReport::new(folder.path());
        run.begin(&mut report)?;
        let refused = run.end(&mut report, Ok(End::Interrupted));
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        assert!(
            report
                .page
                .is_some_and(|page| page.results.contains("interrupted after 0 epochs"))
        );
        Ok(())
    }
}
