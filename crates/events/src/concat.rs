//! The rows of several files as one list.

/// Number of all rows.
pub(crate) const fn total<T>(families: &[&[T]]) -> usize {
    let (mut total, mut at) = (0, 0);
    while at < families.len() {
        total += families[at].len();
        at += 1;
    }
    total
}

/// All rows, of which there are `N`.
pub(crate) const fn concat<T: Copy, const N: usize>(families: &[&[T]]) -> [T; N] {
    let mut rows = [families[0][0]; N];
    let (mut family, mut at) = (0, 0);
    while family < families.len() {
        let mut row = 0;
        while row < families[family].len() {
            rows[at] = families[family][row];
            row += 1;
            at += 1;
        }
        family += 1;
    }
    rows
}
