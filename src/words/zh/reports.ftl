# 每周、每月、每季度的报告：页面、邮件与纯文本；以及旅程走查。

## Their time

report-week = { $year } 年第 { $number } 周
report-quarter = { $year } 年第 { $number } 季度
report-month-format = %Y 年 %-m 月
report-day-format = %Y 年 %-m 月 %-d 日
report-days = { $from }至 { $to }
report-moment-format = %Y 年 %-m 月 %-d 日 %H:%M

## What is said first

report-subject = { $company }，{ $title }：{ $gist }
report-gist-unwatched = 这段时间没有任何观测，无从评说。
report-gist-calm = 一切正常。
report-gist-lost = 「{ $title }」损失最多：{ $lost }。
report-gist-lost-only = 「{ $title }」损失了 { $lost }。
report-so-far = 本期尚未结束，数据截至 { $until }。
report-seen = 我们观测了 { $share } 的时间，其余时间的情况不得而知。
report-compared = 变化均与{ $before }相比。
report-compared-so-far = 变化均与{ $before }的同一时段相比。
report-not-compared = { $before }的观测太少，无法比较。

## Figures

report-score = 平均分
report-felt = 体感
report-lost = 损失
report-unobserved = 未观测
report-planned = 计划维护
report-minutes = { $minutes } 分钟
report-points = { $points } 分
report-unchanged = 无变化
report-change = 变化
report-objective = 目标 { $target }（{ $window }）：已用 { $lost }，共 { $budget }，尚余 { $rest }。
report-objective-missed = 目标 { $target }（{ $window }）：未达成。损失 { $lost }，比允许的 { $budget } 多 { $rest }。

## What it was lost to

report-by-stage = 按阶段的损失
report-by-owner = 按负责方的损失
report-nobody = 无负责方
report-journey-calm = 一切正常。
report-journey-unseen = 当时没有观测这条旅程。
report-unaccounted = 其中 { $lost } 的去向已不可考。
report-longest = 持续最久的问题
report-no-problems = 没有出现问题。
report-problems-more = 另有 { $count } 个
report-not-over = { $lasted }，尚未结束

## The mail and the page

report-open = 打开这份报告
report-footer = 损失分钟数衡量旅程受损的程度与时长：得分为 50 的一小时损失 30 分钟。
reports-title = 报告
reports-lead = 各旅程逐周、逐月的表现
reports-walks = 走查
reports-walks-lead = 逐阶段走过每个触点：试了什么，发现了什么，代价是多少
reports-so-far = 截至目前
reports-weeks = 周报
reports-months = 月报
reports-quarters = 季报
reports-mailed = 谁会收到邮件，写在配置的 <code>reports:</code> 之下。
reports-problem = 问题
reports-began = 开始
reports-lasted = 持续
reports-cost = 最严重时
reports-owner = 负责方
reports-part = 部分
reports-earlier = 前一期：{ $title }
reports-later = 后一期：{ $title }

## The walk

walk-link = 逐阶段走查
walk-open = 打开完整的走查
walk-document = 客户旅程走查
walk-title = 走查：{ $title }
walk-heading = 走查「{ $title }」：{ $score }
walk-over = 整条旅程的走查，数据截至 { $at }
walk-pains = 痛点
walk-no-pains = 没有任何问题影响这条旅程的得分。
walk-pain = { $title }：−{ $points } 分
walk-gain = 修复后：+{ $points }
walk-choice = { $of } 选 { $need }
walk-above = 已在前面的阶段说明。
walk-no-visits = 这里尚未做过尝试。
walk-costs = 损失 { $points } 分
walk-costs-nothing = 没有损失
walk-errand = 属于任务 { $probe }
walk-checks = 各处是否一致？
walk-download-csv = 下载表格
walk-download-json = JSON
walk-owner = 负责方 { $owner }
walk-shot = 步骤「{ $step }」完成后的页面截图，机密内容已遮盖
