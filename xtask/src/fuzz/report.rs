//! What libFuzzer says of a run.

/// The figures of one run of one target.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Report {
    pub(super) inputs: u64,
    /// Edges of the program that some input took.
    pub(super) edges: u64,
    /// Inputs that each do something no other does.
    pub(super) corpus: u64,
    pub(super) peak_mib: u64,
}

impl Report {
    /// Reads the log of a run. What is not there is zero: a program that died says little.
    pub(super) fn read(log: &str) -> Self {
        let mut report = Self::default();
        for line in log.lines() {
            if let Some(rest) = line.strip_prefix("stat::") {
                let (name, value) = rest.split_once(':').unwrap_or_default();
                let value = value.trim().parse().unwrap_or(0);
                match name {
                    "number_of_executed_units" => report.inputs = value,
                    "peak_rss_mb" => report.peak_mib = value,
                    _ => {}
                }
            } else if let Some(position) = line.find(" cov: ") {
                report.progress(line, position);
            }
        }
        report
    }

    /// `#1234  NEW  cov: 56 ft: 78 corp: 9/10b exec/s: 11 rss: 12Mb`
    fn progress(&mut self, line: &str, position: usize) {
        let number = line.trim_start_matches('#').split_whitespace().next();
        let number = number.and_then(|it| it.parse().ok()).unwrap_or(0);
        self.inputs = self.inputs.max(number);
        let mut words = line.get(position..).unwrap_or_default().split_whitespace();
        while let Some(word) = words.next() {
            let value = match word {
                "cov:" => &mut self.edges,
                "corp:" => &mut self.corpus,
                _ => continue,
            };
            let text = words.next().unwrap_or_default();
            let digits = text.split('/').next().unwrap_or_default();
            *value = digits.parse().unwrap_or(0);
        }
    }
}

/// A number in groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_progress_and_the_final_figures_count() {
        let log = "INFO: seed\n#2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #4096\tpulse  cov: 56 ft: 78 corp: 9/100b lim: 4 exec/s: 2048 rss: 31Mb\n\
                   stat::number_of_executed_units: 5000\nstat::average_exec_per_sec:     2500\n\
                   stat::peak_rss_mb:              32\n";
        let report = Report::read(log);
        let expect = Report {
            inputs: 5000,
            edges: 56,
            corpus: 9,
            peak_mib: 32,
        };
        assert_eq!(report, expect);
    }

    #[test]
    fn a_run_that_died_counts_as_far_as_it_came() {
        let log = "#4096\tpulse  cov: 56 ft: 78 corp: 9/100b exec/s: 2048 rss: 31Mb\nSUMMARY\n";
        assert_eq!(Report::read(log).inputs, 4096);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
