WITH closes AS (
    SELECT ticker,
        arg_max(close, date) FILTER (date BETWEEN {first_0} AND {last_0})::DOUBLE AS close_0,
        arg_max(close, date) FILTER (date BETWEEN {first_3} AND {last_3})::DOUBLE AS close_3,
        arg_max(close, date) FILTER (date BETWEEN {first_6} AND {last_6})::DOUBLE AS close_6,
        arg_max(close, date) FILTER (date BETWEEN {first_12} AND {last_12})::DOUBLE AS close_12
    FROM read_parquet({prices}, hive_partitioning = false)
    WHERE date BETWEEN {first_0} AND {last_0} OR date BETWEEN {first_3} AND {last_3}
        OR date BETWEEN {first_6} AND {last_6} OR date BETWEEN {first_12} AND {last_12}
    GROUP BY ticker
),
-- A snapshot that is older than twelve months is never used.
known AS (
    SELECT ticker, known_from, fiscal_date, source, id, data_source, fetched_date, {ratios}, {items}
    FROM read_parquet({fundamentals}, hive_partitioning = false)
    WHERE known_from <= {last_0}
        AND (source = 'fundamentals' OR known_from >= {last_0} - INTERVAL 12 MONTH)
),
with_ratios AS (
    SELECT * FROM known WHERE coalesce({ratios}) IS NOT NULL
    QUALIFY fiscal_date IS NULL OR fiscal_date = max(fiscal_date) OVER (PARTITION BY ticker)
),
ratios AS (
    SELECT ticker, {ratios}, CASE
            WHEN source = 'snapshots' THEN known_from
            WHEN lower(data_source) = 'statements' OR fetched_date IS NULL THEN fiscal_date
            ELSE fetched_date END AS priced_on
    FROM (
        SELECT * FROM with_ratios
        QUALIFY 1 = row_number() OVER (PARTITION BY ticker ORDER BY
            known_from DESC, source = 'fundamentals' DESC, fiscal_date DESC, id DESC)
    )
    WHERE known_from >= {last_0} - INTERVAL 12 MONTH
),
-- The market is taken to be free of jumps.
brought AS (
    SELECT ticker, r.* EXCLUDE (ticker), coalesce(close_0 / p.close::DOUBLE, 1) AS change
    FROM ratios AS r LEFT JOIN closes USING (ticker)
    LEFT JOIN read_parquet({ratio_prices}, hive_partitioning = false) AS p
        USING (ticker, priced_on)
),
timely AS (
    SELECT * REPLACE (market_cap_ccy * change AS market_cap_ccy, pe * change AS pe,
        pb * change AS pb, ps * change AS ps, p_fcf * change AS p_fcf,
        dividend_yield / change AS dividend_yield)
    FROM brought
),
years AS (
    SELECT ticker, fiscal_date, {items},
        coalesce(lower(data_source) = 'tradingview', false) AS mixes_periods,
        max(fiscal_date) OVER (PARTITION BY ticker) AS year_0,
        arg_max(piotroski_f_score, (known_from, id))
            FILTER (piotroski_f_score IS NOT NULL)
            OVER (PARTITION BY ticker, fiscal_date) AS vendor
    FROM known WHERE coalesce({items}) IS NOT NULL
    QUALIFY 1 = row_number() OVER (
        PARTITION BY ticker, fiscal_date ORDER BY known_from DESC, id DESC)
),
t0 AS (
    SELECT * FROM years
    WHERE fiscal_date = year_0 AND fiscal_date >= {last_0} - INTERVAL 18 MONTH
),
t1 AS (
    SELECT y.* FROM t0 AS later JOIN years AS y ON y.ticker = later.ticker
        AND y.fiscal_date BETWEEN later.fiscal_date - INTERVAL 14 MONTH
            AND later.fiscal_date - INTERVAL 10 MONTH
    QUALIFY 1 = row_number() OVER (PARTITION BY y.ticker ORDER BY
        abs(y.fiscal_date - (later.fiscal_date - INTERVAL 12 MONTH)::DATE), y.fiscal_date DESC)
),
t2 AS (
    SELECT y.* FROM t1 AS later JOIN years AS y ON y.ticker = later.ticker
        AND y.fiscal_date BETWEEN later.fiscal_date - INTERVAL 14 MONTH
            AND later.fiscal_date - INTERVAL 10 MONTH
    QUALIFY 1 = row_number() OVER (PARTITION BY y.ticker ORDER BY
        abs(y.fiscal_date - (later.fiscal_date - INTERVAL 12 MONTH)::DATE), y.fiscal_date DESC)
),
assets AS (
    SELECT ticker, t0.vendor, t0.mixes_periods,
        CASE WHEN t0.total_assets_ccy > 0 THEN t0.total_assets_ccy END AS a0,
        CASE WHEN t1.total_assets_ccy > 0 THEN t1.total_assets_ccy END AS a1,
        CASE WHEN t2.total_assets_ccy > 0 THEN t2.total_assets_ccy END AS a2
    FROM t0 LEFT JOIN t1 USING (ticker) LEFT JOIN t2 USING (ticker)
),
nine AS (
    SELECT ticker, assets.vendor, assets.mixes_periods, unnest([
        t0.net_income_ccy > 0,
        t0.operating_cf_ccy > 0,
        t0.net_income_ccy / if(a2 IS NULL, a0, a1) > t1.net_income_ccy / if(a2 IS NULL, a1, a2),
        if(assets.mixes_periods, NULL, t0.operating_cf_ccy > t0.net_income_ccy),
        t0.long_term_debt_ccy / if(a2 IS NULL, a0, (a0 + a1) / 2)
            < t1.long_term_debt_ccy / if(a2 IS NULL, a1, (a1 + a2) / 2),
        t0.current_ratio > t1.current_ratio,
        t0.shares_outstanding <= t1.shares_outstanding,
        t0.gross_margin > t1.gross_margin,
        t0.asset_turnover > t1.asset_turnover
    ]) AS signal
    FROM assets JOIN t0 USING (ticker) LEFT JOIN t1 USING (ticker)
),
scores AS (
    SELECT ticker,
        if(use_vendor, vendor, earned) AS f_score, if(use_vendor, 9, available) AS f_available
    FROM (
        SELECT ticker, count(signal) AS available, count_if(signal) AS earned,
            vendor,
            (count(signal) < 9 OR mixes_periods) AND vendor IS NOT NULL AS use_vendor
        FROM nine GROUP BY ticker, vendor, mixes_periods
    )
),
market AS (
    SELECT ticker, s.* EXCLUDE (ticker), c.close_0, {ratios},
        coalesce(f_score, 0) AS f_score, coalesce(f_available, 0) AS f_available,
        coalesce(CASE WHEN market_cap_ccy > 0 THEN market_cap_ccy / 1e6 END,
            CASE WHEN market_cap_msek > 0 THEN market_cap_msek END) AS cap,
        ((close_0 / close_3 - 1) + (close_0 / close_6 - 1) + (close_0 / close_12 - 1)) / 3 AS score,
        regexp_extract(ticker, '^(.+)[ \-_.]([A-D])$', ['company', 'letter']) AS class
    FROM (
        SELECT ticker, market_cap_msek, sector, market, stock_type
        FROM read_parquet({stocks}, hive_partitioning = false)
    ) AS s
    LEFT JOIN closes AS c USING (ticker)
    LEFT JOIN timely USING (ticker)
    LEFT JOIN scores USING (ticker)
),
strategies (strategy, keeps, metrics, at_least) AS (VALUES
    ('sammansatt_momentum', 'investmentbolag', 0, 0),
    ('trendande_varde', NULL, 6, 4),
    ('trendande_utdelning', NULL, 1, 1),
    ('trendande_kvalitet', NULL, 4, 3)
),
universe AS (
    SELECT *, CASE
            WHEN coalesce(lower(stock_type) NOT IN ('stock', 'sdb'), true) THEN 'not_a_stock'
            WHEN coalesce(market NOT IN {markets}, true) THEN 'other_market'
            WHEN close_0 IS NULL THEN 'inactive'
            WHEN cap IS NULL THEN 'no_market_cap'
            WHEN cap < {floor} THEN 'below_market_cap'
            WHEN lower(sector) IN {financial} AND lower(sector) IS DISTINCT FROM keeps
                THEN 'financial'
        END AS reason
    FROM market, strategies
),
eligible AS (
    SELECT * FROM universe WHERE reason IS NULL
    QUALIFY 1 = row_number() OVER (
        PARTITION BY strategy, if(class.company = '', ticker, class.company)
        ORDER BY class.letter = 'B' DESC, cap DESC, ticker)
),
merits AS (
    SELECT strategy, ticker, metric, value FROM eligible, (
        SELECT unnest(['trendande_varde', 'trendande_varde', 'trendande_varde', 'trendande_varde',
            'trendande_varde', 'trendande_varde', 'trendande_utdelning', 'trendande_kvalitet',
            'trendande_kvalitet', 'trendande_kvalitet', 'trendande_kvalitet']) AS of_strategy,
            unnest(range(1, 12)) AS metric
    ),
    LATERAL (SELECT CASE metric
        WHEN 1 THEN 1 / nullif(pe, 0) WHEN 2 THEN 1 / nullif(pb, 0) WHEN 3 THEN 1 / nullif(ps, 0)
        WHEN 4 THEN 1 / nullif(p_fcf, 0) WHEN 5 THEN 1 / nullif(ev_ebitda, 0)
        WHEN 6 THEN dividend_yield
        WHEN 7 THEN CASE WHEN dividend_yield > 0 THEN dividend_yield END
        WHEN 8 THEN roe WHEN 9 THEN roa WHEN 10 THEN roic WHEN 11 THEN fcfroe END AS value)
    WHERE strategy = of_strategy AND value IS NOT NULL
),
percentiles AS (
    SELECT strategy, ticker,
        (rank() OVER (PARTITION BY strategy, metric ORDER BY value DESC)
            + (count(*) OVER (PARTITION BY strategy, metric, value) - 1) / 2 - 0.5)
            / count(*) OVER (PARTITION BY strategy, metric) AS p
    FROM merits
),
composites AS (
    SELECT strategy, ticker,
        round((sum(p) + 0.5 * (any_value(metrics) - count(p))) / any_value(metrics), 12)
            AS composite
    FROM percentiles JOIN strategies USING (strategy)
    GROUP BY strategy, ticker HAVING count(p) >= any_value(at_least)
),
primary_ranks AS (
    SELECT *, rank() OVER (PARTITION BY strategy ORDER BY composite) AS primary_rank,
        greatest(1, count(*) OVER (PARTITION BY strategy) * 2 // 5) AS kept
    FROM composites
),
screened AS (
    SELECT u.strategy, u.ticker, u.score, u.cap, composite, primary_rank, u.f_score,
        CASE
            WHEN u.reason IS NOT NULL THEN u.reason
            WHEN e.ticker IS NULL THEN 'other_share_class'
            WHEN u.metrics = 0 AND u.f_available < 3 THEN 'no_f_score'
            WHEN u.metrics = 0 AND u.f_score * 9 < u.f_available * 5 THEN 'low_f_score'
            WHEN u.metrics > 0 AND composite IS NULL THEN 'missing_metrics'
            WHEN primary_rank > kept THEN 'outside_best_40_percent'
            WHEN u.score IS NULL THEN 'no_momentum'
        END AS excluded_by
    FROM universe AS u
    LEFT JOIN eligible AS e ON e.strategy = u.strategy AND e.ticker = u.ticker
    LEFT JOIN primary_ranks AS r ON r.strategy = u.strategy AND r.ticker = u.ticker
)
SELECT strategy, ticker, excluded_by, score, composite, primary_rank, f_score,
    CASE WHEN excluded_by IS NULL THEN row_number() OVER (
        PARTITION BY strategy, excluded_by IS NULL ORDER BY score DESC, cap DESC, ticker) END AS rank
FROM screened
