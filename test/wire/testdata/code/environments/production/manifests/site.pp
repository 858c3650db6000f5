notify { "production": }
