//! A rectangle divided by sizes into tiles that are nearly square (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000).

/// A tile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A tile for each size, which are sorted, the largest first, and none of which is zero.
pub(super) fn squarify(sizes: &[u64], width: f64, height: f64) -> Vec<Cell> {
    let sum: f64 = sizes.iter().map(|size| *size as f64).sum();
    let areas: Vec<f64> = sizes.iter().map(|size| *size as f64 / sum * width * height).collect();
    let mut free = Cell { x: 0.0, y: 0.0, width, height };
    let (mut cells, mut rest) = (Vec::with_capacity(areas.len()), &areas[..]);
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        let mut count = 1;
        while count < rest.len() && worst(&rest[..=count], side) <= worst(&rest[..count], side) {
            count += 1;
        }
        let (row, after) = rest.split_at(count);
        let area: f64 = row.iter().sum();
        let thickness = if side > 0.0 { area / side } else { 0.0 };
        let mut along = 0.0;
        for part in row {
            let length = if thickness > 0.0 { part / thickness } else { 0.0 };
            cells.push(if free.width >= free.height {
                Cell { x: free.x, y: free.y + along, width: thickness, height: length }
            } else {
                Cell { x: free.x + along, y: free.y, width: length, height: thickness }
            });
            along += length;
        }
        if free.width >= free.height {
            free = Cell { x: free.x + thickness, width: (free.width - thickness).max(0.0), ..free };
        } else {
            free = Cell { y: free.y + thickness, height: (free.height - thickness).max(0.0), ..free };
        }
        rest = after;
    }
    cells
}

/// How far the worst tile of a row is from a square.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    row.iter().map(|area| (side * side * area / (sum * sum)).max(sum * sum / (side * side * area))).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_rectangle_and_no_two_overlap() {
        for sizes in
            [vec![1], vec![6, 6, 4, 3, 2, 2, 1], vec![1_000_000_000_000, 1, 1], (1..60).rev().collect(), vec![5; 41]]
        {
            let cells = squarify(&sizes, 600.0, 400.0);
            assert_eq!(cells.len(), sizes.len());
            let sum: u64 = sizes.iter().sum();
            for (size, cell) in sizes.iter().zip(&cells) {
                let expected = *size as f64 / sum as f64 * 240_000.0;
                assert!((cell.width * cell.height - expected).abs() < 1.0, "{cell:?} {expected}");
                assert!(cell.x >= -0.01 && cell.y >= -0.01, "{cell:?}");
                assert!(cell.x + cell.width <= 600.1 && cell.y + cell.height <= 400.1, "{cell:?}");
            }
            for (at, one) in cells.iter().enumerate() {
                for other in &cells[at + 1..] {
                    let across = (one.x + one.width).min(other.x + other.width) - one.x.max(other.x);
                    let down = (one.y + one.height).min(other.y + other.height) - one.y.max(other.y);
                    assert!(across <= 0.01 || down <= 0.01, "{one:?} {other:?}");
                }
            }
        }
    }
}
