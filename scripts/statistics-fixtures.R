# Renews bench/stats/fixtures/statistics.json, against which bench/stats is checked:
#   apt-get install r-base-core r-cran-exactranktests r-cran-jsonlite
#   Rscript scripts/statistics-fixtures.R > bench/stats/fixtures/statistics.json && pnpm format
# exactRankTests gives exact p-values also with ties, base R the rest.
suppressMessages({ library(exactRankTests); library(jsonlite) })
set.seed(20261121)

alternatives <- c(pUp = "greater", pDown = "less", pTwoSided = "two.sided")
each_p <- function(p_of) lapply(alternatives, p_of)

# R's own interval drops zeros; ours keeps them, so the interval is asked for only where there are none.
signed_rank <- function(name, x) {
  kept <- x[x != 0]
  exact <- length(kept) <= 50
  p_of <- function(alternative) {
    if (length(kept) == 0) return(1)
    if (exact) wilcox.exact(kept, alternative = alternative, exact = TRUE)$p.value
    else suppressWarnings(wilcox.test(kept, alternative = alternative, exact = FALSE, correct = TRUE)$p.value)
  }
  walsh <- outer(x, x, "+")[upper.tri(diag(length(x)), diag = TRUE)] / 2
  plain <- !any(x == 0) && !any(duplicated(abs(x))) && length(x) >= 6
  interval <- if (plain) as.numeric(wilcox.test(x, conf.int = TRUE, conf.level = 0.95, exact = TRUE)$conf.int)
  c(list(name = name, values = x, exact = exact), each_p(p_of), list(estimate = median(walsh), interval = interval))
}

rank_sum <- function(name, base, head) {
  tied <- any(duplicated(c(base, head)))
  exact <- !tied && length(base) <= 50 && length(head) <= 50
  p_of <- function(alternative) {
    if (length(unique(c(base, head))) == 1) return(1)
    suppressWarnings(wilcox.test(head, base, alternative = alternative, exact = exact, correct = TRUE)$p.value)
  }
  plain <- !tied && min(length(base), length(head)) >= 4
  interval <- if (plain) as.numeric(wilcox.test(head, base, conf.int = TRUE, conf.level = 0.95, exact = TRUE)$conf.int)
  c(list(name = name, base = base, head = head, exact = exact), each_p(p_of),
    list(estimate = median(outer(head, base, "-")), interval = interval))
}

one_sample <- c(
  lapply(c(1:13, 16, 20, 24, 30, 32, 40, 49, 50, 51, 60), function(n)
    signed_rank(paste("random", n), round(rnorm(n, 0.3), 6))),
  lapply(c(5, 12, 24, 50, 60), function(n) signed_rank(paste("ties", n), sample(c(-3:-1, 1:5), n, TRUE))),
  lapply(c(6, 12, 24, 50, 58), function(n)
    signed_rank(paste("ties and zeros", n), sample(-2:3, n, TRUE))),
  list(
    signed_rank("all zero", rep(0, 12)),
    signed_rank("all equal, up", rep(0.05, 12)),
    signed_rank("all equal, down", rep(-0.05, 24)),
    signed_rank("all up", (1:12) / 7)
  )
)

two_samples <- c(
  lapply(list(c(1, 1), c(1, 5), c(2, 2), c(3, 4), c(5, 5), c(12, 12), c(12, 24), c(24, 24), c(50, 50), c(13, 51), c(60, 60)),
    function(n) rank_sum(paste("random", n[1], "and", n[2]), round(rnorm(n[1]), 6), round(rnorm(n[2], 0.4), 6))),
  lapply(list(c(4, 6), c(12, 12), c(24, 24), c(60, 55)),
    function(n) rank_sum(paste("ties", n[1], "and", n[2]), sample(1:6, n[1], TRUE), sample(2:7, n[2], TRUE))),
  list(
    rank_sum("all equal", rep(2, 12), rep(2, 12)),
    rank_sum("apart", 1:12 / 10, 101:112 / 10)
  )
)

holm <- lapply(list(c(0.01, 0.02, 0.03), c(0.04, 0.001, 0.04, 0.5), 0.3, c(1, 1), round(runif(20)^3, 6)),
  function(p) list(p = I(p), adjusted = I(p.adjust(p, "holm"))))

# R is exact without ties only; with ties every order is tried, which is why those are short.
kendall_s <- function(x) sum(sign(outer(x, x, "-"))[lower.tri(diag(length(x)))])
orders <- function(n) if (n == 1) matrix(1) else {
  less <- orders(n - 1)
  do.call(rbind, lapply(1:n, function(first) cbind(first, less + (less >= first))))
}
trend <- function(name, x) {
  n <- length(x)
  s <- kendall_s(x)
  p <- if (!any(duplicated(x))) cor.test(1:n, x, method = "kendall", exact = TRUE)$p.value
       else mean(apply(orders(n), 1, function(order) abs(kendall_s(x[order])) >= abs(s)))
  slopes <- (outer(x, x, "-") / outer(1:n, 1:n, "-"))[lower.tri(diag(n))]
  list(name = name, values = x, statistic = s, pTwoSided = p, slope = median(slopes))
}
trends <- c(
  lapply(c(2:8, 10, 12, 20, 30, 45), function(n) trend(paste("random", n), round(rnorm(n) + 0.1 * 1:n, 6))),
  lapply(c(3:8, 8, 8), function(n) trend(paste("ties", n), sample(1:4, n, TRUE))),
  list(
    trend("up 6", 1:6 / 7),
    trend("down 6, one exception", c(9, 8, 7, 5, 6, 4)),
    trend("all equal 5", rep(2, 5))
  )
)

z <- c(-38, -20, -8, -4.5, -4, -3.99, -2, -1, -0.1, 0, 0.5, 1.96, 3.5, 4.2, 6)
as_array <- function(cases, names) lapply(cases, function(one) { for (n in names) if (!is.null(one[[n]])) one[[n]] <- I(one[[n]]); one })
cat(toJSON(list(
  made_by = "Rscript scripts/statistics-fixtures.R",
  versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
    exactRankTests = as.character(packageVersion("exactRankTests"))),
  signed_rank = as_array(one_sample, c("values", "interval")),
  rank_sum = as_array(two_samples, c("base", "head", "interval")),
  holm = holm,
  trends = as_array(trends, "values"),
  normal = list(z = z, cdf = pnorm(z))
), digits = NA, auto_unbox = TRUE, null = "null", pretty = FALSE), "\n")
