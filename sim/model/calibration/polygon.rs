//! Convex polygons: what is left of a plane after inequalities.

use crate::base::Random;

/// A point: intercept and slope of a line.
pub(super) type Point = (f64, f64);

/// All points with `normal.0 * x + normal.1 * y <= limit`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HalfPlane {
    pub(super) normal: Point,
    pub(super) limit: f64,
}

impl HalfPlane {
    /// Points where `normal · p` is at most `limit`.
    pub(super) const fn at_most(normal: Point, limit: f64) -> Self {
        Self { normal, limit }
    }

    /// Points where `normal · p` is at least `limit`.
    pub(super) const fn at_least(normal: Point, limit: f64) -> Self {
        Self { normal: (-normal.0, -normal.1), limit: -limit }
    }

    /// Above zero outside.
    fn excess(&self, point: Point) -> f64 {
        dot(self.normal, point) - self.limit
    }
}

/// A convex polygon, its corners counter-clockwise.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Polygon(Vec<Point>);

impl Polygon {
    /// The rectangle from the origin to `corner`.
    pub(super) fn rectangle(corner: Point) -> Self {
        Self(vec![(0.0, 0.0), (corner.0, 0.0), corner, (0.0, corner.1)])
    }

    /// What of it lies in `half` (Sutherland and Hodgman 1974, one edge).
    pub(super) fn clip(&self, half: &HalfPlane) -> Self {
        let mut kept = Vec::with_capacity(self.0.len() + 1);
        for (from, to) in self.edges() {
            let (before, after) = (half.excess(from), half.excess(to));
            if before <= 0.0 {
                kept.push(from);
            }
            if (before < 0.0 && after > 0.0) || (before > 0.0 && after < 0.0) {
                let share = before / (before - after);
                kept.push((from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)));
            }
        }
        Self(kept)
    }

    /// Area; 0 where nothing is left.
    pub(super) fn area(&self) -> f64 {
        self.triangles().map(|(area, ..)| area).sum()
    }

    /// Mean of all its points; `None` where it has no area.
    pub(super) fn centroid(&self) -> Option<Point> {
        let whole = self.area();
        (whole > 0.0).then(|| {
            let sum = self.triangles().fold((0.0, 0.0), |sum, (area, a, b, c)| {
                (sum.0 + area * (a.0 + b.0 + c.0) / 3.0, sum.1 + area * (a.1 + b.1 + c.1) / 3.0)
            });
            (sum.0 / whole, sum.1 / whole)
        })
    }

    /// A point of it, each as likely as another; `None` where it has no area.
    pub(super) fn draw(&self, random: &mut Random) -> Option<Point> {
        let mut left = random.unit() * self.area();
        let mut chosen = None;
        for (area, a, b, c) in self.triangles() {
            chosen = Some((a, b, c));
            left -= area;
            if left < 0.0 {
                break;
            }
        }
        // Two uniform numbers to a triangle (Turk 1990, Graphics Gems).
        let (a, b, c) = chosen?;
        let (root, other) = (libm::sqrt(random.unit()), random.unit());
        let (u, v, w) = (1.0 - root, root * (1.0 - other), root * other);
        Some((u * a.0 + v * b.0 + w * c.0, u * a.1 + v * b.1 + w * c.1))
    }

    /// Least and greatest `normal · p`; `None` where nothing is left.
    pub(super) fn extent(&self, normal: Point) -> Option<(f64, f64)> {
        let values = self.0.iter().map(|point| dot(normal, *point));
        values.fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((low, high)) => Some((low.min(value), high.max(value))),
        })
    }

    /// Corners.
    pub(super) fn corners(&self) -> &[Point] {
        &self.0
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> {
        self.0.iter().copied().zip(self.0.iter().copied().cycle().skip(1))
    }

    /// The fan of triangles from the first corner, each with its area.
    fn triangles(&self) -> impl Iterator<Item = (f64, Point, Point, Point)> {
        let first = self.0.first().copied().unwrap_or_default();
        self.0.iter().copied().skip(1).zip(self.0.iter().copied().skip(2)).map(move |(b, c)| {
            let (u, v) = ((b.0 - first.0, b.1 - first.1), (c.0 - first.0, c.1 - first.1));
            ((u.0 * v.1 - u.1 * v.0).abs() / 2.0, first, b, c)
        })
    }
}

fn dot(a: Point, b: Point) -> f64 {
    a.0 * b.0 + a.1 * b.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_cut_as_by_hand() {
        let square = Polygon::rectangle((1.0, 1.0));
        let triangle = square.clip(&HalfPlane::at_most((1.0, 1.0), 1.0));
        assert_eq!(triangle.corners(), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]);
        assert_eq!(triangle.area(), 0.5);
        let centre = triangle.centroid().unwrap();
        assert!((centre.0 - 1.0 / 3.0).abs() < 1e-12 && (centre.1 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(triangle.extent((1.0, -1.0)), Some((-1.0, 1.0)));
        let nothing = square.clip(&HalfPlane::at_least((1.0, 0.0), 2.0));
        assert_eq!((nothing.area(), nothing.centroid()), (0.0, None));
        assert_eq!(nothing.draw(&mut Random::new(1)), None);
    }

    #[test]
    fn draws_cover_the_polygon_evenly() {
        // A pentagon: a unit square without a corner.
        let shape = Polygon::rectangle((1.0, 1.0)).clip(&HalfPlane::at_most((1.0, 1.0), 1.5));
        let cut = HalfPlane::at_most((1.0, 2.0), 1.0);
        let mut random = Random::new(5);
        let (mut inside, mut sum) = (0, (0.0, 0.0));
        for _ in 0..100_000 {
            let point = shape.draw(&mut random).unwrap();
            assert!(point.0 + point.1 <= 1.5 + 1e-12);
            inside += i32::from(cut.excess(point) <= 0.0);
            sum = (sum.0 + point.0, sum.1 + point.1);
        }
        let share = shape.clip(&cut).area() / shape.area();
        assert!((f64::from(inside) / 1e5 - share).abs() < 0.005);
        let centre = shape.centroid().unwrap();
        assert!((sum.0 / 1e5 - centre.0).abs() < 0.005 && (sum.1 / 1e5 - centre.1).abs() < 0.005);
    }
}
