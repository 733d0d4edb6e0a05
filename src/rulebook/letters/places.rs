//! From a place in the HTML that was made when the rulebook loaded to the file and line that a person wrote.

use super::body::Flat;

/// Where the tags of one letter's HTML stand in its files.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    files: Vec<String>,
    /// Begin of a tag, index of its file, line, column.
    tags: Vec<(usize, usize, usize, usize)>,
}

impl Places {
    pub(super) fn of(flat: &Flat<'_>) -> Self {
        let mut places = Self::default();
        for tag in flat.tags() {
            let Some(origin) = flat.origin(tag.start) else { continue };
            let file = origin.source.path.to_string_lossy().replace('\\', "/");
            let index = places.files.iter().position(|known| *known == file).unwrap_or_else(|| {
                places.files.push(file);
                places.files.len() - 1
            });
            let (line, column) = origin.source.position(origin.at);
            places.tags.push((tag.start, index, line, column));
        }
        places
    }

    /// File, line and column of the tag at a place of the HTML.
    pub(super) fn at(&self, place: usize) -> Option<(String, usize, usize)> {
        let index = self.tags.partition_point(|(start, ..)| *start <= place).checked_sub(1)?;
        let (_, file, line, column) = self.tags.get(index)?;
        Some((self.files.get(*file)?.clone(), *line, *column))
    }
}
