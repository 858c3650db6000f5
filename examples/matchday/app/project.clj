;; Built offline: every jar comes from Debian's packages, none from the network.
(defproject matchday/api "1.0.0"
  :description "Answers while a match is on"
  :license {:name "Apache-2.0"}
  :repositories ^:replace [["debian" {:url "file:///usr/share/maven-repo"}]]
  :plugin-repositories ^:replace [["debian" {:url "file:///usr/share/maven-repo"}]]
  :local-repo "/usr/share/maven-repo"
  :dependencies [[org.clojure/clojure "1.11.1"]]
  :main ^:skip-aot matchday.server
  :aot [matchday.server])
