//! The routes of the article.
